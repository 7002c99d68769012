/**
 * What a collection has found alive so far: two bits for each blob, by its number, and the nodes whose entries are still to be
 * looked at. The record marks in here too, whatever a reference is written to while a collection goes on.
 */

export class Marks {
  /** Blobs with a higher number came while the collection went on: they are alive. */
  readonly lastId: number;
  readonly #alive: Uint8Array;
  readonly #walked: Uint8Array;
  readonly #open: number[] = [];
  #underway = 0;
  /** What was marked after `watchLate`. */
  #late: number[] | undefined;
  #count = 0;

  constructor(lastId: number) {
    this.lastId = lastId;
    this.#alive = new Uint8Array(Math.floor(lastId / 8) + 1);
    this.#walked = new Uint8Array(Math.floor(lastId / 8) + 1);
  }

  /** How many are marked. */
  get count(): number {
    return this.#count;
  }

  has(id: number): boolean {
    return id > this.lastId || bitOf(this.#alive, id);
  }

  /** `asNode`: what it names is alive too. */
  mark(id: number, asNode: boolean): void {
    if (id > this.lastId) return;
    if (!bitOf(this.#alive, id)) {
      setBit(this.#alive, id);
      this.#count += 1;
      this.#late?.push(id);
    }
    if (!asNode || bitOf(this.#walked, id)) return;
    setBit(this.#walked, id);
    this.#open.push(id);
  }

  /** Up to so many nodes to be walked; `walked` is owed for each of them once what it names is marked. */
  take(most: number): number[] {
    const taken = this.#open.splice(Math.max(0, this.#open.length - most), most);
    this.#underway += taken.length;
    return taken;
  }

  walked(count: number): void {
    this.#underway -= count;
  }

  /** Whether all that marked nodes name is marked. */
  get isComplete(): boolean {
    return this.#open.length === 0 && this.#underway === 0;
  }

  /** From now on `takeLate` gives what is marked. */
  watchLate(): void {
    this.#late ??= [];
  }

  get lateCount(): number {
    return this.#late?.length ?? 0;
  }

  takeLate(most: number): number[] {
    return this.#late?.splice(0, most) ?? [];
  }
}

function bitOf(bits: Uint8Array, id: number): boolean {
  return ((bits[Math.floor(id / 8)] ?? 0) & (1 << (id % 8))) !== 0;
}

function setBit(bits: Uint8Array, id: number): void {
  const at = Math.floor(id / 8);
  bits[at] = (bits[at] ?? 0) | (1 << (id % 8));
}
