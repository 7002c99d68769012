/** The one place that writes to the user's terminal. */
import { once } from "node:events";
import type { SymbolName } from "./symbols.ts";
import { decorate, localeIsUtf8, plain } from "./symbols.ts";
import { environment } from "../config.ts";

/** stdout and stderr of this process. */
export class Terminal {
  readonly emoji: boolean;
  /** Both a person and able to move the cursor. */
  readonly isTty: boolean;
  /** The same of stderr. */
  readonly errorIsTty: boolean;
  readonly colours: boolean;
  #stopped = false;

  constructor() {
    this.emoji = localeIsUtf8(environment);
    this.isTty = process.stdout.isTTY === true && environment["TERM"] !== "dumb";
    this.errorIsTty = process.stderr.isTTY === true && environment["TERM"] !== "dumb";
    this.colours = this.isTty && !environment["NO_COLOR"];
    // `spell logs 5 | head` closes our stdout early, which is an ordinary way to end.
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      this.#stopped = true;
      process.exit(0);
    });
    process.stderr.on("error", () => undefined);
  }

  get columns(): number {
    return process.stdout.columns || process.stderr.columns || 80;
  }

  /** Text as it is. */
  write(text: string): void {
    if (text !== "" && !this.#stopped) process.stdout.write(text);
  }

  /** Text as it is; resolves when the reader can take more. */
  async writeSlowly(text: string): Promise<void> {
    if (text === "" || this.#stopped) return;
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  }

  writeError(text: string): void {
    process.stderr.write(text);
  }

  /** A line of ours. */
  line(text = ""): void {
    this.write(`${plain(text, this.emoji)}\n`);
  }

  /** A line of ours with a symbol. */
  say(symbol: SymbolName, text: string): void {
    this.write(`${decorate(symbol, text, this.emoji)}\n`);
  }

  /** A line on stderr. */
  error(text: string): void {
    this.writeError(`${plain(text, this.emoji)}\n`);
  }

  /** A line on stderr with a symbol. */
  note(symbol: SymbolName, text: string): void {
    this.writeError(`${decorate(symbol, text, this.emoji)}\n`);
  }

  /** One JSON document on a line. */
  json(value: unknown): void {
    this.write(`${JSON.stringify(value)}\n`);
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    if (this.#stopped || process.stdout.writableLength === 0) return;
    // Not "drain", which only comes when the buffer was full: a reader that is slow by a little would never be told.
    await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  }
}

/** This process's terminal. */
export const terminal = new Terminal();
