/** Questions to the person at the terminal; from a pipe the answers are read line by line. */
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";
import { Writable } from "node:stream";
import { EXIT_INTERRUPTED } from "./exit-codes.ts";
import { terminal } from "./output/terminal.ts";

/** One reader for all questions: a second one would miss what the first has read ahead. Nothing is read before the first question. */
export class Questions implements Disposable {
  readonly #isTty = process.stdin.isTTY === true;
  #reader: Interface | undefined;
  #lines: AsyncIterator<string> | undefined;
  #shown = false;

  /** The line that answers the question, empty at the end of the input. What is typed is not shown. */
  async secret(question: string): Promise<string> {
    if (this.#isTty) terminal.writeError(`${question}: `);
    const line = await this.#next();
    if (this.#isTty) terminal.writeError("\n");
    return line.done === true ? "" : line.value;
  }

  /** The line that answers the question, trimmed; empty at the end of the input. What is typed is shown. */
  async line(question: string): Promise<string> {
    this.#shown = this.#isTty;
    terminal.writeError(`${question}: `);
    const line = await this.#next();
    this.#shown = false;
    if (!this.#isTty) terminal.writeError("\n");
    return line.done === true ? "" : line.value.trim();
  }

  /** Whether the answer is yes; anything else, and no answer, is no. */
  async confirm(question: string): Promise<boolean> {
    return /^y(es)?$/i.test(await this.line(`${question} [y/N]`));
  }

  /** A new password; on a terminal it is typed twice. Undefined when the two differ. */
  async newPassword(question: string): Promise<string | undefined> {
    const password = await this.secret(question);
    if (this.#isTty && (await this.secret("The same again")) !== password) return undefined;
    return password;
  }

  [Symbol.dispose](): void {
    this.#reader?.close();
  }

  #next(): Promise<IteratorResult<string, unknown>> {
    this.#lines ??= this.#read()[Symbol.asyncIterator]();
    return this.#lines.next();
  }

  #read(): Interface {
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#shown) terminal.writeError(chunk.toString());
        done();
      },
    });
    const reader = createInterface({ input: process.stdin, output, terminal: this.#isTty });
    // ^C answers nothing: it ends the command.
    reader.on("SIGINT", () => {
      reader.close();
      terminal.writeError("\n");
      process.exit(EXIT_INTERRUPTED);
    });
    this.#reader = reader;
    return reader;
  }
}
