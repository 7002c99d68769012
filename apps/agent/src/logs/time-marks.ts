/** When entries were first read, kept roughly for those that will be read once more. Bounded: beyond, every second mark goes. */
const MAX_MARKS = 4096;

export class TimeMarks {
  #marks: { number: number; atMs: number }[] = [];

  /** The entries from this number on were read at this time. Numbers grow. */
  add(number: number, atMs: number): void {
    if (this.#marks.at(-1)?.atMs === atMs) return;
    this.#marks.push({ number, atMs });
    if (this.#marks.length > MAX_MARKS) this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
  }

  /** The time of an entry; undefined before the first mark. */
  timeOf(number: number): number | undefined {
    return this.#marks.findLast((mark) => mark.number <= number)?.atMs;
  }

  clear(): void {
    this.#marks = [];
  }
}
