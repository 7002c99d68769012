/** One line on a terminal that is written over: what a long command is doing. Elsewhere nothing is shown. */
import { cut } from "./format.ts";
import { terminal } from "./terminal.ts";

export class StatusLine implements Disposable {
  readonly #shown: boolean;
  #isDirty = false;

  constructor(wanted: boolean) {
    this.#shown = wanted && process.stderr.isTTY === true && terminal.isTty;
  }

  show(text: string): void {
    if (!this.#shown) return;
    this.#isDirty = true;
    terminal.writeError(`\r\u001b[K${cut(text, terminal.columns - 1)}`);
  }

  clear(): void {
    if (this.#isDirty) terminal.writeError("\r\u001b[K");
    this.#isDirty = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
