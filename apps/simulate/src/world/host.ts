/** A machine: its name on the network, its clock, its disk, and which boot of it this is. */
import type { Disk } from "./disk.ts";

export interface Host {
  readonly name: string;
  readonly disk: Disk;
  /** How wrong its clock on the wall is. */
  clockOffsetMs: number;
  /** Counts its starts. */
  boot: number;
}
