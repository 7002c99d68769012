/** What happened in a world: a digest of every step, and lines for people about those that mean something. */

/** Lines that are kept when not all are asked for. */
const TAIL = 60;

export class History {
  readonly #now: () => number;
  readonly #keepAll: boolean;
  #lines: string[] = [];
  #digest = 0x811c9dc5;
  steps = 0;

  constructor(now: () => number, keepAll: boolean) {
    this.#now = now;
    this.#keepAll = keepAll;
  }

  /** Two histories with the same digest went the same way. */
  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, "0");
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Counts a step in. */
  step(label: string, process: string | undefined): void {
    this.steps++;
    this.#mix(this.#now() * 1_000);
    this.#mixText(label);
    if (process !== undefined) this.#mixText(process);
  }

  /** Something that people should read. */
  tell(text: string): void {
    this.#mixText(text);
    this.#lines.push(`${(this.#now() / 1_000).toFixed(3).padStart(9)}  ${text}`);
    if (!this.#keepAll && this.#lines.length > 2 * TAIL) this.#lines = this.#lines.slice(-TAIL);
  }

  #mixText(text: string): void {
    for (let index = 0; index < text.length; index++) this.#mix(text.charCodeAt(index));
  }

  /** FNV-1a, a number at a time. */
  #mix(value: number): void {
    this.#digest = Math.imul(this.#digest ^ (value | 0), 0x01000193);
  }
}
