/**
 * What of an attempt's log is archived: `archived.json`. It is written before a segment is stored, with the place where
 * the segment ends, so that after a crash the same segment is cut again: storing it twice does no harm. The file may be
 * lost: then everything is archived again from the start.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { START } from "./entry-source.ts";
import type { LogPosition } from "./entry-source.ts";

export interface ArchiveState {
  /** Everything before is archived. */
  done: LogPosition;
  /** Ends of the segments after `done` that may have been stored, in order. */
  cuts: readonly LogPosition[];
}

export class ArchiveRecord {
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** The state of an earlier life; the start when there is none or it cannot be understood. */
  async load(): Promise<ArchiveState> {
    try {
      const state = JSON.parse(await readFile(this.#path, "utf8")) as ArchiveState;
      const places = [state.done, ...state.cuts];
      const valid = places.every(
        (place, index) => isPosition(place) && (index === 0 || place.number >= (places[index - 1]?.number ?? 0)),
      );
      return valid ? state : { done: START, cuts: [] };
    } catch {
      return { done: START, cuts: [] };
    }
  }

  /** Replaces the file in one step. */
  async save(state: ArchiveState): Promise<void> {
    const saving = this.#writing.then(async () => {
      await writeFile(`${this.#path}.new`, JSON.stringify(state), { mode: 0o600 });
      await rename(`${this.#path}.new`, this.#path);
    });
    this.#writing = saving.catch(() => undefined);
    await saving;
  }
}

function isPosition(place: LogPosition | undefined): boolean {
  return [place?.number, place?.offset, place?.notices].every(
    (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  );
}
