/**
 * The ledger outside the system: commands tell it by themselves that they began and how they are about to end. What it holds and
 * what the record says must agree. A command repeats a note until it is answered, so notes are known by who sent them.
 */
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { createInterface } from "node:readline";

const NOTES = ["started", "ended", "unsaid"] as const;

export interface LedgerNote {
  key: string;
  /** One execution of the command; another one has another. */
  execution: string;
  /** Address of the machine. */
  from: string;
  atMs: number;
  what: (typeof NOTES)[number];
  /** With `ended` the exit code, with `unsaid` the number of a line that could not be printed. */
  value?: number;
}

export class Ledger implements AsyncDisposable {
  readonly notes: LedgerNote[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #known = new Set<string>();
  readonly #now: () => number;

  private constructor(now: () => number) {
    this.#now = now;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async open(address: { host: string; port: number }, now: () => number): Promise<Ledger> {
    const ledger = new Ledger(now);
    await new Promise<void>((resolve, reject) => {
      ledger.#server.once("error", reject);
      ledger.#server.listen(address.port, address.host, resolve);
    });
    return ledger;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    const from = socket.remoteAddress ?? "";
    // It hands on the errors of its input, and a command that is killed breaks its connection.
    const lines = createInterface({ input: socket }).on("error", () => undefined);
    lines.on("line", (line) => {
      this.#note(line, from);
      socket.end("known\n");
    });
  }

  #note(line: string, from: string): void {
    const [key = "", execution = "", what = "", code] = line.split(" ");
    const known = NOTES.find((each) => each === what);
    if (known === undefined || this.#known.has(`${line} ${from}`)) return;
    this.#known.add(`${line} ${from}`);
    const value = code === undefined ? undefined : Number(code);
    this.notes.push({ key, execution, from, atMs: this.#now(), what: known, value });
  }
}
