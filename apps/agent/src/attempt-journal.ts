/**
 * What must survive the agent about one attempt: `attempt.jsonl`, whose first line is the attempt as it arrived and whose
 * others are what changed, in order. Lines are appended at once, so whatever was said to others stands there; a last
 * line that a kill left unfinished was said to nobody and is cut off.
 *
 * A later version of the agent reads what an earlier one wrote; fields that it does not know it leaves as they are. A journal of a
 * format that is newer than this version stops the agent before it touches anything: the run goes on, and waits for the newer one.
 *
 * Only the arrival is synced to the disk. After a power cut the processes are gone and the boot id tells; but an attempt
 * that the agent does not remember would be sent to it again, and its command executed a second time.
 */
import {
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Phase, SpellError } from "@spell/domain";
import { conflict } from "@spell/domain";
import type { AttemptResult, AttemptSpec, Lease } from "@spell/rpc";

/** An attempt as it arrived. */
export interface Arrival {
  lease: Lease;
  /** Boot of the machine in which the attempt arrived: processes of another boot are gone, and must not be started again. */
  bootId: string;
  spec: AttemptSpec;
}

/** A phase that was entered. */
export interface PhaseEntry {
  phase: Phase;
  /** By the machine's clock, which may be set at any time. */
  atMs: number;
  /** By its monotonic clock; journals of older agents lack it. */
  monotonicMs?: number;
}

export interface AttemptRecord extends Arrival {
  /** Phases entered, in order. */
  history: readonly PhaseEntry[];
  /** SIGTERM was sent, or is about to be, because somebody asked to stop; the command had not ended by then. */
  stopSent?: boolean;
  /** When that was, by the machine's monotonic clock, milliseconds; without it the grace begins anew after a restart. */
  stopSentAtMs?: number;
  /** The same because the machine is being taken away, and when that was. */
  reclaimSentAtMs?: number;
  /** The outputs are stored under this digest (empty: none); the files themselves may be in the cache by now. */
  outputTree?: string;
  result?: AttemptResult;
}

/** One line after the first: a phase that was entered, or fields that have a value now. */
export type AttemptChange =
  | { entered: PhaseEntry }
  | { stopSent: true; stopSentAtMs: number }
  | { reclaimSentAtMs: number }
  | { outputTree: string }
  | { result: AttemptResult };

const FILE = "attempt.jsonl";
/** Grows only when an earlier version would take a journal for something else than it is. Absent in a journal: 1. */
const FORMAT = 1;

export class AttemptJournal {
  readonly attemptDir: string;
  readonly #file: number;
  readonly #synced: Promise<void>;
  #record: AttemptRecord;
  #closed = false;

  private constructor(attemptDir: string, file: number, record: AttemptRecord) {
    this.attemptDir = attemptDir;
    this.#file = file;
    this.#record = record;
    this.#synced = promisify(fdatasync)(file);
    // Whoever starts something awaits it.
    this.#synced.catch(() => undefined);
  }

  /** Makes the attempt's folder and its journal. Throws what the disk says. */
  static create(attemptDir: string, arrival: Arrival): AttemptJournal {
    try {
      mkdirSync(attemptDir, { recursive: true, mode: 0o700 });
      const file = openSync(join(attemptDir, FILE), "w", 0o600);
      appendLine(file, { format: FORMAT, ...arrival });
      return new AttemptJournal(attemptDir, file, { ...arrival, history: [] });
    } catch (error) {
      // The file stays open until this process ends; that is rare and costs nothing.
      rmSync(attemptDir, { recursive: true, force: true });
      throw error;
    }
  }

  /**
   * Opens what an earlier life of this agent left; undefined when it ended before anything could be started. Throws conflict
   * (`newer-journal`) for what a newer version wrote.
   */
  static open(attemptDir: string): AttemptJournal | undefined {
    const file = openIfThere(join(attemptDir, FILE));
    if (file === undefined) return undefined;
    const bytes = readFileSync(file);
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
    const [arrival, ...changes] = parseLines(whole.toString());
    if (arrival === undefined) {
      closeSync(file);
      return undefined;
    }
    const { format = FORMAT, ...known } = arrival as Arrival & { format?: number };
    if (format > FORMAT) {
      closeSync(file);
      throw newerJournal(attemptDir, format);
    }
    ftruncateSync(file, whole.length);
    const first: AttemptRecord = { ...known, history: [] };
    return new AttemptJournal(attemptDir, file, (changes as AttemptChange[]).reduce(withChange, first));
  }

  get record(): AttemptRecord {
    return this.#record;
  }

  /** Writes a change down, then counts it in. On an error nothing of it stays. Throws what the disk says. */
  append(change: AttemptChange): void {
    appendLine(this.#file, change);
    this.#record = withChange(this.#record, change);
  }

  /** Counts a change in that the disk does not take: a later life of this agent will find it out anew. */
  remember(change: AttemptChange): void {
    this.#record = withChange(this.#record, change);
  }

  /** Resolves when the arrival survives a power cut. */
  synced(): Promise<void> {
    return this.#synced;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#synced.catch(() => undefined);
    if (!this.#closed) closeSync(this.#file);
    this.#closed = true;
  }
}

/** Folder of an attempt below the agent's data folder. */
export function attemptDirOf(dataDir: string, lease: Lease): string {
  return join(attemptsDir(dataDir), `${lease.runId}-${lease.attempt}`);
}

/** The attempts an earlier life of this agent left, and folders without one (crashed while being made). */
export function openJournals(dataDir: string): { found: AttemptJournal[]; broken: string[] } {
  const root = attemptsDir(dataDir);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const found: AttemptJournal[] = [];
  const broken: string[] = [];
  for (const name of readdirSync(root)) {
    const attemptDir = join(root, name);
    const journal = AttemptJournal.open(attemptDir);
    if (journal === undefined) broken.push(attemptDir);
    else found.push(journal);
  }
  return { found, broken };
}

function newerJournal(attemptDir: string, format: number): SpellError {
  return conflict(
    `A newer version of the agent left ${attemptDir} (format ${format}; this version knows ${FORMAT}): start that one again. ` +
      "Nothing was touched, and the run goes on.",
    "newer-journal",
  );
}

function attemptsDir(dataDir: string): string {
  return join(dataDir, "attempts");
}

function withChange(record: AttemptRecord, change: AttemptChange): AttemptRecord {
  if ("entered" in change) return { ...record, history: [...record.history, change.entered] };
  return { ...record, ...change };
}

function appendLine(file: number, value: unknown): void {
  const line = Buffer.from(`${JSON.stringify(value)}\n`);
  const { size } = fstatSync(file);
  try {
    for (let at = 0; at < line.length;) at += writeSync(file, line, at, line.length - at, size + at);
  } catch (error) {
    ftruncateSync(file, size);
    throw error;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r+");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** The lines up to the first that cannot be understood. */
function parseLines(text: string): unknown[] {
  const values: unknown[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    try {
      values.push(JSON.parse(line));
    } catch {
      break;
    }
  }
  return values;
}
