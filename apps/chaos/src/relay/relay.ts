/**
 * Stands in for servers, at their own addresses, on a machine to which some of their clients are led: passes connections on to where
 * the servers can be reached besides, and does to them what the rules say.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { delayLine } from "./delay-line.ts";
import type { RelayRule } from "./rule.ts";

export interface RelayedServer {
  /** Where clients mean to reach it. */
  ip: string;
  port: number;
  /** Where it is. */
  behind: string;
}

const UNAVAILABLE = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

export class Relay implements AsyncDisposable {
  #rules: readonly RelayRule[] = [];
  readonly #servers: Server[] = [];
  readonly #open = new Map<Socket, RelayRule>();
  readonly #chance: () => number;

  private constructor(chance: () => number) {
    this.#chance = chance;
  }

  static async listen(servers: readonly RelayedServer[], chance: () => number): Promise<Relay> {
    const relay = new Relay(chance);
    for (const server of servers) await relay.#listen(server);
    return relay;
  }

  /** Ports in the order of the servers, for those that asked for any. */
  get ports(): number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  /** From now on. Connections of rules that are no more break. */
  follow(rules: readonly RelayRule[]): void {
    this.#rules = rules;
    const wanted = new Set(rules.map((rule) => JSON.stringify(rule)));
    for (const [socket, rule] of this.#open) if (!wanted.has(JSON.stringify(rule))) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open.keys()) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(target: RelayedServer): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket, target));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(target.port, target.ip, resolve);
    });
  }

  #serve(socket: Socket, { ip, port, behind }: RelayedServer): void {
    socket.on("error", () => undefined);
    const rule = this.#rules.find(({ from, to }) => to === ip && (from === undefined || from === socket.remoteAddress));
    // A client that is led here no longer, or not yet.
    if (rule === undefined) return void socket.resetAndDestroy();
    this.#open.set(socket, rule);
    socket.on("close", () => this.#open.delete(socket));
    if (rule.manner === "unavailable") return answerUnavailable(socket);
    const upstream = connect({ port, host: behind, allowHalfOpen: true });
    const breakOff = (): void => {
      socket.destroy();
      upstream.destroy();
    };
    // A side that has ended in order may still have bytes on their way to the other.
    upstream.on("error", breakOff);
    socket.on("error", breakOff).on("close", () => upstream.destroy());
    if (rule.manner === "slow") {
      const slow = { rule, chance: this.#chance };
      delayLine(socket, upstream, slow);
      delayLine(upstream, socket, slow);
      return;
    }
    let left = rule.afterBytes;
    const count = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) breakOff();
    };
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const)
      one.on("data", count).pipe(other);
  }
}

/** Says so once the head of a request has come. */
function answerUnavailable(socket: Socket): void {
  let head = "";
  socket.on("data", (chunk: Buffer) => {
    head = (head + chunk.toString("latin1")).slice(-16_384);
    if (head.includes("\r\n\r\n")) socket.end(UNAVAILABLE);
  });
}
