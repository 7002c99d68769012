/** A relay in front of a TCP server that does what networks do: it passes, swallows either direction, or cuts. */
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";

/** What happens to the bytes that go one way. Swallowed ones are taken from their sender and never arrive: a half-open connection. */
export type Passage = "pass" | "swallow";

export class TcpRelay implements AsyncDisposable {
  /** From whoever connects to the server, and back. Applies to open connections as well. */
  toServer: Passage = "pass";
  toClient: Passage = "pass";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: { host: string; port: number }) {
    this.#server = createServer((client) => this.#relay(client, connect(target)));
  }

  static async start(target: { host: string; port: number }): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Both directions at once. */
  set passage(passage: Passage) {
    this.toServer = passage;
    this.toClient = passage;
  }

  /** Breaks the open connections; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #relay(client: Socket, server: Socket): void {
    for (const [from, to, passage] of [
      [client, server, () => this.toServer],
      [server, client, () => this.toClient],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (chunk: Buffer) => void (passage() === "pass" && to.write(chunk)));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        // The end of a connection does not arrive either where nothing arrives.
        if (passage() === "pass") to.destroy();
      });
    }
  }
}
