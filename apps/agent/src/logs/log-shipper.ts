/**
 * Brings the log of one attempt to its readers: numbers the entries, publishes them live and archives them.
 *
 * The sequence of entries is a function of two files: the spool, which the run's processes append to, and the notice
 * journal (`notices.jsonl`), which says at which byte of the spool each notice stands. So an agent that was killed at any
 * instant derives the same numbers again. The invariant: no entry gets a number before everything in front of it is in
 * one of the files. Spool bytes are there because they were read from it; for a notice, reading stops at its place (the
 * journal's barrier) until the record is written.
 *
 * Two sides read the sequence, each in bounded memory, and neither waits for the other:
 *
 *   spool + journal ── EntrySource ──┬── LivePublisher ── bus            (news: may lose, readers see the gap)
 *                                    └── Archiver ── segments            (truth: every entry, in order, durable)
 *
 * While the bus takes messages, the publisher's window slows the reading. While it is away, reading and archiving go
 * on and the oldest unpublished entries fall out of the window: readers get them from segments. While the archive is
 * away, reading and publishing go on and the archiver, beyond its memory, reads the spool again by itself later.
 * `archived.json` remembers how far the archive is, so that a restart neither reads nor publishes everything again.
 *
 * A spool that shrinks was spoiled by someone: a notice says so, reading goes on at its beginning, and entries not yet
 * archived are replaced by entries that say so too, so the numbers stay.
 */
import { join } from "node:path";
import { MAX_ENTRY_BYTES, SpellError, messageOf } from "@spell/domain";
import type { LogEntry } from "@spell/domain";
import type { EventBus } from "@spell/event-bus";
import { ArchiveRecord } from "./archive-record.ts";
import { Archiver } from "./archiver.ts";
import { EntrySource } from "./entry-source.ts";
import { LivePublisher } from "./live-publisher.ts";
import { NoticeJournal } from "./notice-journal.ts";
import type { NoticeRecord } from "./notice-journal.ts";
import type { SegmentArchive } from "./segment-archive.ts";
import { SpoolFile, lastLineEnd } from "./spool-file.ts";
import { SpoolWatch } from "./spool-watch.ts";
import { Wakeup } from "./wakeup.ts";

export interface LogShipperOptions {
  runId: number;
  attempt: number;
  /** Folder of the attempt, which the run does not see; exists. */
  attemptDir: string;
  /** May not exist yet. */
  spoolPath: string;
  bus: EventBus;
  archive: SegmentArchive;
  /** Sentences for the agent's own log. */
  onProblem?: (message: string) => void;
  /** How long an entry may wait until it is archived. Default: 5,000. */
  maxArchiveAgeMs?: number;
}

/** How long entries of an ended attempt may still wait for the bus. */
const LINGER_MS = 5_000;

export class LogShipper implements AsyncDisposable {
  readonly #options: LogShipperOptions;
  readonly #journal: NoticeJournal;
  readonly #spool: SpoolFile;
  readonly #source: EntrySource;
  readonly #publisher: LivePublisher;
  readonly #archiver: Archiver;
  readonly #watch: SpoolWatch;
  readonly #wakeup = new Wakeup();
  readonly #pump: Promise<void>;
  #notes: Promise<unknown> = Promise.resolve();
  #drained: (() => void)[] = [];
  #outputEnded = false;
  #finish: Promise<number> | undefined;
  #stopped = false;
  #lastProblem = "";

  /** Starts shipping; continues what an earlier shipper on this folder began. Throws what the disk says. */
  static async open(options: LogShipperOptions): Promise<LogShipper> {
    const journal = await NoticeJournal.open(join(options.attemptDir, "notices.jsonl"));
    const record = new ArchiveRecord(join(options.attemptDir, "archived.json"));
    return new LogShipper(options, { journal, record, state: await record.load() });
  }

  private constructor(
    options: LogShipperOptions,
    files: { journal: NoticeJournal; record: ArchiveRecord; state: Awaited<ReturnType<ArchiveRecord["load"]>> },
  ) {
    const { runId, attempt, bus, archive } = options;
    const { journal, record, state } = files;
    const onProblem = (message: string): void => this.#problem(message);
    this.#options = options;
    this.#journal = journal;
    this.#spool = new SpoolFile(options.spoolPath);
    const spool = this.#spool;
    this.#source = new EntrySource({ spool, journal, from: state.cuts.at(-1) ?? state.done, clock: () => Date.now() });
    this.#publisher = new LivePublisher({ runId, attempt, bus, onProblem });
    this.#archiver = new Archiver({
      runId,
      attempt,
      archive,
      record,
      state,
      maxAgeMs: options.maxArchiveAgeMs ?? 5_000,
      openSource: (from, timeOf) =>
        new EntrySource({ spool, journal, from, clock: (number) => timeOf(number) ?? Date.now() }),
      onProblem,
    });
    this.#watch = new SpoolWatch(options.spoolPath, () => this.#wakeup.wake());
    this.#pump = this.#run();
  }

  /**
   * Adds a notice after the lines written so far; a line still without its end comes after it, unless the output has
   * ended. Resolves when the notice has its place for good. Rejects with `unavailable` when the disk does not take it
   * (then it is in no log) and with `conflict` after `finish`. A notice whose status and text the log has already is not
   * added again: the steps of an attempt are repeated after a crash.
   */
  async note(entry: LogEntry): Promise<void> {
    const notice = { ...entry, text: clip(entry.text) };
    await this.#inTurn(async () => {
      if (!this.#journal.has(notice)) await this.#place(notice);
    });
  }

  /** The command has exited and nothing of it is left: a last line without newline ends here. Idempotent. */
  async outputEnded(): Promise<void> {
    await this.#inTurn(() => this.#endOutput());
  }

  /**
   * Archives everything, to the last line. Resolves with the number of entries of the attempt; only then may its end be
   * reported. Rejects with `stale-lease` when the attempt is no longer ours. Idempotent.
   */
  finish(): Promise<number> {
    this.#finish ??= this.#doFinish();
    return this.#finish;
  }

  /** How far the live side has read. */
  position(): { number: number; offsetBytes: number } {
    const { number, offset } = this.#source.position;
    return { number, offsetBytes: offset };
  }

  /** Ends without archiving the rest; a later shipper on the same folder goes on. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watch.close();
    this.#publisher.stop();
    this.#wakeup.wake();
    await this.#notes;
    await this.#pump;
    await this.#archiver.stop();
    await this.#journal.close();
    await this.#spool.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#publisher.room();
      const waiting = this.#drained;
      this.#drained = [];
      try {
        const entries = await this.#source.read();
        if (entries !== undefined) {
          this.#drained.push(...waiting);
          this.#publisher.offer(entries);
          this.#archiver.offer(entries);
          continue;
        }
        if (await this.#noticeTruncation()) {
          this.#drained.push(...waiting);
          continue;
        }
      } catch (error) {
        await this.#noteUnreadable(error);
      }
      waiting.forEach((resolve) => resolve());
      if (this.#drained.length === 0) await this.#wakeup.wait();
    }
    this.#drained.forEach((resolve) => resolve());
  }

  async #doFinish(): Promise<number> {
    await this.outputEnded();
    await this.#notes;
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve);
      if (this.#stopped) resolve();
      this.#wakeup.wake();
    });
    if (this.#stopped) throw new SpellError("unavailable", "The agent stops before the log is archived.");
    this.#watch.close();
    const total = this.#source.position.number;
    await this.#archiver.finish();
    this.#publisher.stop({ lingerMs: LINGER_MS });
    return total;
  }

  /** One change of the journal at a time. */
  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#notes.then(change);
    this.#notes = turn.catch(() => undefined);
    return turn;
  }

  async #place(entry: LogEntry): Promise<void> {
    if (this.#finish !== undefined) throw new SpellError("conflict", "The log of this attempt is already closed.");
    try {
      const to = await this.#holdAtEnd();
      const offset = this.#outputEnded ? to : await lastLineEnd(this.#spool, this.#source.position.offset, to);
      this.#append({ offset: Math.max(offset, this.#source.position.offset), entry });
    } catch (error) {
      const { code } = error as { code?: unknown };
      // Of the machine's own disk: whoever hears of it is not to look at the store.
      const reason = code === "ENOSPC" || code === "EDQUOT" ? "disk-full" : undefined;
      throw new SpellError("unavailable", `A notice cannot be written: ${messageOf(error)}.`, { reason, cause: error });
    } finally {
      this.#release();
    }
  }

  async #endOutput(): Promise<void> {
    this.#outputEnded = true;
    try {
      const to = await this.#holdAtEnd();
      const lineIsOpen = (await lastLineEnd(this.#spool, this.#source.position.offset, to)) < to;
      const last = this.#journal.last();
      const marked = last?.offset === to && last.resumeAt === undefined;
      if (lineIsOpen && !marked) this.#append({ offset: to });
    } catch (error) {
      this.#problem(`The end of the log cannot be written: ${messageOf(error)}.`);
    } finally {
      this.#release();
    }
  }

  /** Stops the numbering at the spool's present end, and says where that is. */
  async #holdAtEnd(): Promise<number> {
    const sizeBytes = await this.#spool.sizeBytes().catch(() => 0);
    this.#journal.barrier = Math.max(sizeBytes, this.#source.position.offset);
    return this.#journal.barrier;
  }

  #append(record: NoticeRecord): void {
    this.#journal.barrier = record.offset;
    this.#journal.append(record);
  }

  #release(): void {
    this.#journal.barrier = undefined;
    this.#wakeup.wake();
  }

  /** True when the spool had shrunk; reading starts anew. */
  async #noticeTruncation(): Promise<boolean> {
    if (!(await this.#isTooShort())) return false;
    return this.#inTurn(async () => {
      if (!(await this.#isTooShort())) return false;
      const { number, offset, notices } = this.#source.position;
      const text = "The log file was cut by another process: lines may be missing here.";
      const own = number + this.#journal.entriesFrom(notices);
      this.#append({ offset, entry: warning(text), resumeAt: 0, number: own });
      this.#release();
      return true;
    });
  }

  /** Whether the spool ends before bytes that were there. */
  async #isTooShort(): Promise<boolean> {
    const { offset, notices } = this.#source.position;
    const placed = notices < this.#journal.length ? (this.#journal.last()?.offset ?? 0) : 0;
    const expected = Math.max(offset, placed);
    return expected > 0 && (await this.#spool.sizeBytes()) < expected;
  }

  /** Once per kind of failure the log itself says why lines are missing. */
  async #noteUnreadable(error: unknown): Promise<void> {
    const text = `The log file cannot be read: ${messageOf(error)}.`;
    if (text === this.#lastProblem) return;
    this.#lastProblem = text;
    this.#problem(text);
    await this.#inTurn(async () => {
      this.#append({ offset: this.#source.position.offset, entry: warning(text) });
    }).catch(() => undefined);
    this.#release();
  }

  #problem(message: string): void {
    this.#options.onProblem?.(message);
  }
}

function warning(text: string): LogEntry {
  return { atMs: Date.now(), text, status: "running", statusEvent: false, level: "warning", partial: false };
}

/** A notice is one entry, however long its text. */
function clip(text: string): string {
  return Buffer.byteLength(text) <= MAX_ENTRY_BYTES ? text : `${text.slice(0, MAX_ENTRY_BYTES / 4)}…`;
}
