/** Everything that a trial has seen, as values: the verdict is a function of it. */
import type { RunStatus } from "@spell/domain";
import type { FaultHistory } from "../faults/fault.ts";
import type { LedgerNote } from "../load/ledger.ts";
import type { Wish } from "../load/task.ts";

/** What the farm says of a run after the calm. */
export interface RunFacts {
  id: number;
  status: RunStatus;
  reasonCode: string;
  reason: string;
  exitCode?: number;
  /** Name of the machine that had it last; empty: none. */
  agent: string;
  /** Lines of the command, in the order of the log. */
  log: readonly string[];
  /** sha256 of the file that it wrote; undefined: the farm has none. */
  digest?: string;
}

/** One task, and all that became of it. */
export interface TaskFacts {
  key: string;
  lines: readonly string[];
  digest: string;
  exitCode: number;
  wish: Wish;
  /** Whether the farm took the wish; a run may have ended before. */
  wishTaken: boolean;
  /** The number that the farm answered the creation with; undefined: it never did. */
  createdId?: number;
  /** When it was asked for, on the trial's clock. */
  createdAtMs: number;
  /** When its user knew that it had ended. */
  endedAtMs?: number;
  notes: readonly LedgerNote[];
  /** All runs of the record that carry the key. */
  runs: readonly RunFacts[];
}

export interface Evidence {
  leaseMs: number;
  faults: readonly FaultHistory[];
  tasks: readonly TaskFacts[];
  /** Processes of runs that were there after all had ended, by machine. */
  leftovers: readonly string[];
}
