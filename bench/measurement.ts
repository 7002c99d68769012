/** What a measurement is given and what it gives. */
import type { Farm } from "./farm.ts";

export interface Bench {
  /** Eight slots of type CPU, in sandboxes, on an SQLite file and a folder of objects. */
  farm: Farm;
  /** An empty folder of this measurement's own. */
  folder: string;
  /** So many samples in a full run; few with `--quick`. */
  samples: (full: number) => number;
  signal: AbortSignal;
}

/** One table of the output. */
export interface Section {
  title: string;
  lines: string[];
  /** The same as numbers, for `--json`. */
  figures: readonly object[];
}

export interface Measurement {
  /** What `--only` calls it. */
  name: string;
  measure: (bench: Bench) => Promise<Section[]>;
  /** It takes minutes: only when it is named. */
  whenNamed?: boolean;
}
