/** What the log reader needs from the record: where the entries of a run are, and when that changes. */
import type { LogEntry } from "@spell/domain";

/** A segment in the object store. */
export interface ArchivedSegment {
  firstNumber: number;
  entries: number;
  objectKey: string;
}

export interface AttemptLog {
  number: number;
  /** Nothing will be added any more. */
  ended: boolean;
  /** Number of entries; known once ended, unless its agent was lost. */
  logEntries?: number;
  /** Repeats and overlaps are allowed; the entries of a number are the same in each. */
  segments: readonly ArchivedSegment[];
  /** The coordinator's notices after its entries, where it was not the last; absent: none. */
  notices?: readonly LogEntry[];
}

export interface LogDescription {
  /** The coordinator's notices before the first attempt. */
  before: readonly LogEntry[];
  /** In order. */
  attempts: readonly AttemptLog[];
  /** The coordinator's notices at the end. */
  after: readonly LogEntry[];
  /** The run's status never changes again. */
  final: boolean;
}

export interface LogRecord {
  /** One consistent look. Rejects with `not-found`. */
  describe(runId: number): Promise<LogDescription>;
  /** Resolves at the next change of the run's status or segments, after a bounded time, or when the signal fires. */
  changed(runId: number, signal: AbortSignal): Promise<void>;
}

/** How many entries an attempt has as far as the record knows. */
export function recordedEntries(attempt: AttemptLog): number {
  const archived = attempt.segments.reduce((end, segment) => Math.max(end, segment.firstNumber + segment.entries), 0);
  // An agent that says fewer than it archived is wrong: what can be read counts, or an offset would not lead where it should.
  return attempt.ended ? Math.max(archived, attempt.logEntries ?? 0) : archived;
}

/** How many entries an attempt that has ended has with what the coordinator says after them. */
export function sectionLength(attempt: AttemptLog): number {
  return recordedEntries(attempt) + (attempt.notices?.length ?? 0);
}

/** A place in a run's log: section 0 are the notices before, 1 … n the attempts, n + 1 the notices after. */
export interface LogPlace {
  section: number;
  /** Index within the section. */
  number: number;
}

/** The place of an index that is not negative; beyond what exists it lies in the section that will have it. */
export function placeOf(log: LogDescription, offset: number): LogPlace {
  if (offset < log.before.length || (log.attempts.length === 0 && !log.final)) return { section: 0, number: offset };
  let rest = offset - log.before.length;
  let section = 1;
  for (const attempt of log.attempts) {
    if ((!attempt.ended && !log.final) || rest < sectionLength(attempt)) return { section, number: rest };
    rest -= sectionLength(attempt);
    section++;
  }
  return { section, number: rest };
}
