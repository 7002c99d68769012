/**
 * The network: calls between processes on hosts, as gRPC makes them. Messages of one call keep their order and take their time; calls
 * break, hosts can be cut off from each other in one direction or both, and nobody is told of what was lost on the way.
 */
import { status } from "@grpc/grpc-js";
import type { ServiceDefinition } from "@grpc/grpc-js";
import type { SimProcess } from "./world.ts";
import { world } from "./world.ts";

/** A service as a process offers it. */
export interface Offered {
  definition: ServiceDefinition;
  implementation: Record<string, (...args: never[]) => unknown>;
}

/** How a call ended, in gRPC's words. */
export interface Ending {
  code: number;
  details: string;
  metadata?: unknown;
}

/** A dead peer that says nothing is noticed within this time. */
const KEEPALIVE_MS: [number, number] = [20_000, 30_000];
const CONNECT_MS: [number, number] = [500, 3_000];

/** One end of a call. */
export interface Side {
  process: SimProcess;
  isOpen: boolean;
  /** The other side, or the way to it, is gone. */
  onBroken: (ending: Ending) => void;
  /** What it sent and did not arrive yet, in order. */
  outbox: (() => void)[];
}

export class Call {
  readonly client: Side;
  readonly server: Side;

  constructor(client: Side, server: Side) {
    this.client = client;
    this.server = server;
  }

  get hosts(): [string, string] {
    return [this.client.process.host.name, this.server.process.host.name];
  }
}

export class Network {
  readonly #listening = new Map<string, { process: SimProcess; services: Map<string, Offered> }>();
  readonly #calls = new Set<Call>();
  /** Directions in which nothing passes, as `from>to`. */
  readonly #cuts = new Map<string, (() => void)[]>();
  /** Added to every way, milliseconds. */
  slownessMs = 0;
  /** A message of a stream from this host was taken in by its server. */
  onHeard: (host: string) => void = () => undefined;

  listen(address: string, process: SimProcess, services: Map<string, Offered>): void {
    world().effect(process);
    this.#listening.set(address, { process, services });
    process.onDeath.push(() => {
      if (this.#listening.get(address)?.process === process) this.#listening.delete(address);
    });
  }

  /** Connects a call. Undefined: nobody listens, or nothing comes through; the client hears of it in its time. */
  connect(
    client: SimProcess,
    address: string,
    service: string,
    onBroken: Side["onBroken"],
  ): { call: Call; offered: Offered } | undefined {
    const listener = this.#listening.get(address);
    const offered = listener?.services.get(service);
    const refuse = (delayMs: number, details: string): undefined =>
      void world().after(delayMs, "refused", () => onBroken({ code: status.UNAVAILABLE, details }), client);
    if (this.#isCut(client.host.name, address) || this.#isCut(address, client.host.name)) {
      return refuse(world().random.between(...CONNECT_MS), "no way to the host");
    }
    if (listener === undefined || offered === undefined) return refuse(this.#delayMs(), "ECONNREFUSED");
    const side = (process: SimProcess, broken: Side["onBroken"]): Side => ({
      process,
      isOpen: true,
      onBroken: broken,
      outbox: [],
    });
    const call = new Call(
      side(client, onBroken),
      side(listener.process, () => undefined),
    );
    this.#calls.add(call);
    client.onDeath.push(() => this.#ended(call, call.client));
    listener.process.onDeath.push(() => this.#ended(call, call.server));
    return { call, offered };
  }

  /** Sends something from one side to the other; it is lost when the call breaks before it arrives. */
  send(call: Call, from: Side, label: string, arrive: () => void): void {
    world().effect(from.process);
    const to = from === call.client ? call.server : call.client;
    if (!from.isOpen) return;
    const [fromHost, toHost] = [from.process.host.name, to.process.host.name];
    from.outbox.push(arrive);
    // Each arrival brings the message that was sent first, so they keep their order.
    const deliver = (): void => {
      if (!to.isOpen) return;
      const held = this.#cuts.get(`${fromHost}>${toHost}`);
      if (held === undefined) from.outbox.shift()?.();
      else held.push(() => world().after(this.#delayMs(), label, deliver, to.process));
    };
    world().after(this.#delayMs(), label, deliver, to.process);
  }

  /** The call is over for both: nothing more is said. */
  finish(call: Call): void {
    call.client.isOpen = false;
    call.server.isOpen = false;
    this.#calls.delete(call);
  }

  /** The connections between two hosts are reset: both sides notice, each in its time. */
  reset(one: string, other: string): void {
    for (const call of [...this.#calls]) {
      const { hosts } = call;
      if (hosts.includes(one) && hosts.includes(other)) this.#break(call, "connection reset", [0.1, 200]);
    }
  }

  /** Nothing passes in this direction until it is healed; what stays cut for long breaks. */
  cut(from: string, to: string): void {
    const direction = `${from}>${to}`;
    if (this.#cuts.has(direction)) return;
    const held: (() => void)[] = [];
    this.#cuts.set(direction, held);
    world().after(
      world().random.between(...KEEPALIVE_MS),
      "keepalive",
      () => {
        if (this.#cuts.get(direction) !== held) return;
        for (const call of [...this.#calls]) {
          const { hosts } = call;
          if (hosts.includes(from) && hosts.includes(to)) this.#break(call, "keepalive timed out", [0, 5_000]);
        }
      },
      "nobody",
    );
  }

  heal(from: string, to: string): void {
    const direction = `${from}>${to}`;
    const held = this.#cuts.get(direction) ?? [];
    this.#cuts.delete(direction);
    for (const deliver of held) deliver();
  }

  healAll(): void {
    for (const direction of [...this.#cuts.keys()]) {
      const [from = "", to = ""] = direction.split(">");
      this.heal(from, to);
    }
    this.slownessMs = 0;
  }

  isCutBetween(one: string, other: string): boolean {
    return this.#isCut(one, other) || this.#isCut(other, one);
  }

  #isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  #delayMs(): number {
    const { random } = world();
    const usual = random.chance(0.05) ? random.between(1, 80) : random.between(0.1, 1.5);
    return usual + this.slownessMs * random.fraction();
  }

  /** One side's process is dead: the other hears of it by a reset, or by the silence. */
  #ended(call: Call, side: Side): void {
    if (!this.#calls.has(call)) return;
    const isCut = this.isCutBetween(...call.hosts);
    side.isOpen = false;
    this.#break(call, "the other side is gone", isCut ? KEEPALIVE_MS : [0.1, 20]);
  }

  #break(call: Call, details: string, withinMs: [number, number]): void {
    this.#calls.delete(call);
    const ending = { code: status.UNAVAILABLE, details };
    for (const side of [call.client, call.server]) {
      if (!side.isOpen) continue;
      const notice = (): void => {
        if (!side.isOpen) return;
        side.isOpen = false;
        side.onBroken(ending);
      };
      world().after(world().random.between(...withinMs), "broken", notice, side.process);
    }
  }
}
