/**
 * Turns the sequence of entries into archived segments. States:
 *
 * - keeping up: entries arrive by `offer` and wait in memory until a segment is due;
 * - behind: the archive was away and the memory is full; offered entries are passed over, and once the waiting ones are
 *   stored the archiver reads the sequence itself, from its own place up to where the live side stands;
 * - ended: everything is stored, or the attempt is no longer ours, or it was stopped.
 */
import { SpellError, messageOf } from "@spell/domain";
import type { ArchiveRecord, ArchiveState } from "./archive-record.ts";
import type { EncodedEntries, EntrySource, LogPosition } from "./entry-source.ts";
import type { SegmentArchive } from "./segment-archive.ts";
import { storeSegment } from "./segment-store.ts";
import { TimeMarks } from "./time-marks.ts";
import { Wakeup } from "./wakeup.ts";

const MAX_SEGMENT_ENTRIES = 65_536;
const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
const MAX_STORES_AT_ONCE = 4;

export interface ArchiverOptions {
  runId: number;
  attempt: number;
  archive: SegmentArchive;
  record: ArchiveRecord;
  state: ArchiveState;
  /** How long an entry may wait for its segment. */
  maxAgeMs: number;
  openSource: (from: LogPosition, timeOf: (number: number) => number | undefined) => EntrySource;
  onProblem: (message: string) => void;
}

interface StoringSegment {
  end: LogPosition;
  stored: boolean;
}

export class Archiver {
  readonly #options: ArchiverOptions;
  readonly #stop = new AbortController();
  readonly #wakeup = new Wakeup();
  readonly #finished = Promise.withResolvers<void>();
  readonly #marks = new TimeMarks();
  readonly #storing: StoringSegment[] = [];
  readonly #run: Promise<void>;
  #waiting: EncodedEntries[] = [];
  #waitingBytes = 0;
  #waitingCount = 0;
  #waitingSinceMs = 0;
  #behind = false;
  #finishing = false;
  #done: LogPosition;
  /** End of the last segment cut. */
  #tail: LogPosition;
  /** How far the live side has read. */
  #live: LogPosition;

  constructor(options: ArchiverOptions) {
    this.#options = options;
    this.#done = options.state.done;
    this.#tail = options.state.done;
    this.#live = options.state.cuts.at(-1) ?? options.state.done;
    // Nobody may wait for the end yet.
    this.#finished.promise.catch(() => undefined);
    this.#run = this.#work().catch((error: unknown) => this.#fail(error));
  }

  /** The entries that follow those offered before; never waits. */
  offer(entries: EncodedEntries): void {
    this.#live = entries.end;
    if (this.#behind || this.#waitingBytes >= MAX_WAITING_BYTES) {
      if (!this.#behind) this.#marks.clear();
      this.#behind = true;
      this.#marks.add(entries.firstNumber, entries.atMs);
    } else {
      this.#keep(entries);
    }
    if (this.#isDue() || this.#waiting.length === 1) this.#wakeup.wake();
  }

  /** All entries were offered: archives the rest. Rejects with `stale-lease` when the attempt is no longer ours. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#wakeup.wake();
    await this.#finished.promise;
  }

  /** Ends without archiving the rest; idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort(new SpellError("unavailable", "The agent stops before the log is archived."));
    this.#wakeup.wake();
    await this.#run;
  }

  async #work(): Promise<void> {
    await this.#storePlanned();
    while (!this.#stop.signal.aborted) {
      if (this.#isDue()) {
        await this.#storeNext();
      } else if (this.#finishing && this.#storing.length === 0) {
        this.#finished.resolve();
        return;
      } else {
        const waitMs = this.#waitingSinceMs + this.#options.maxAgeMs - Date.now();
        await this.#wakeup.wait(this.#waiting.length > 0 ? Math.max(1, waitMs) : undefined);
      }
    }
    this.#stop.signal.throwIfAborted();
  }

  /** Segments that the earlier life planned are cut exactly as planned. */
  async #storePlanned(): Promise<void> {
    const { done, cuts } = this.#options.state;
    if (cuts.length === 0) return;
    const source = this.#options.openSource(done, () => undefined);
    for (const cut of cuts) {
      const batches: EncodedEntries[] = [];
      while (source.position.number < cut.number) {
        const batch = await source.read(cut.number - source.position.number);
        batches.push(batch ?? source.lost(cut));
      }
      await this.#freeSlot();
      this.#startStoring(batches, cut);
    }
  }

  async #storeNext(): Promise<void> {
    await this.#freeSlot();
    if (this.#waiting.length === 0) await this.#catchUp();
    const batches = this.#takeSegment();
    const end = batches.at(-1)?.end;
    if (end === undefined) return;
    const planned: StoringSegment[] = [...this.#storing, { end, stored: false }];
    await this.#save(planned.map((segment) => segment.end));
    this.#startStoring(batches, end);
  }

  /** Reads one segment's worth from the archiver's own place. */
  async #catchUp(): Promise<void> {
    const source = this.#options.openSource(this.#tail, (number) => this.#marks.timeOf(number));
    while (!this.#stop.signal.aborted && !this.#segmentIsFull()) {
      const missing = this.#live.number - source.position.number;
      // Compared at the same instant: from here on the offered entries continue the sequence.
      if (missing <= 0) {
        this.#behind = false;
        return;
      }
      const batch = await source.read(missing);
      this.#keep(batch ?? source.lost(this.#live));
    }
  }

  #keep(entries: EncodedEntries): void {
    if (this.#waiting.length === 0) this.#waitingSinceMs = Date.now();
    this.#waiting.push(entries);
    this.#waitingBytes += entries.body.length;
    this.#waitingCount += entries.count;
  }

  #segmentIsFull(): boolean {
    return this.#waitingCount >= MAX_SEGMENT_ENTRIES || this.#waitingBytes >= MAX_SEGMENT_BYTES;
  }

  #isDue(): boolean {
    if (this.#segmentIsFull()) return true;
    if (this.#waiting.length === 0) return this.#behind;
    return this.#finishing || this.#behind || Date.now() >= this.#waitingSinceMs + this.#options.maxAgeMs;
  }

  #takeSegment(): EncodedEntries[] {
    let taken = 0;
    let bytes = 0;
    let count = 0;
    for (const batch of this.#waiting) {
      const fits = count + batch.count <= MAX_SEGMENT_ENTRIES && bytes + batch.body.length <= MAX_SEGMENT_BYTES;
      if (taken > 0 && !fits) break;
      taken++;
      bytes += batch.body.length;
      count += batch.count;
    }
    this.#waitingBytes -= bytes;
    this.#waitingCount -= count;
    this.#waitingSinceMs = Date.now();
    return this.#waiting.splice(0, taken);
  }

  #startStoring(batches: readonly EncodedEntries[], end: LogPosition): void {
    const segment: StoringSegment = { end, stored: false };
    this.#tail = end;
    this.#storing.push(segment);
    const { runId, attempt, archive, onProblem } = this.#options;
    void storeSegment({ runId, attempt, archive, onProblem, stopped: this.#stop.signal }, batches).then(
      () => {
        segment.stored = true;
        while (this.#storing[0]?.stored === true) this.#done = this.#storing.shift()?.end ?? this.#done;
        this.#wakeup.wake();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  async #freeSlot(): Promise<void> {
    while (this.#storing.length >= MAX_STORES_AT_ONCE && !this.#stop.signal.aborted) await this.#wakeup.wait();
  }

  /** A record that cannot be written (a full disk) costs work after a crash, never a line. */
  async #save(cuts: readonly LogPosition[] = this.#storing.map((segment) => segment.end)): Promise<void> {
    try {
      await this.#options.record.save({ done: this.#done, cuts });
    } catch (error) {
      this.#options.onProblem(`The progress of archiving cannot be written: ${messageOf(error)}.`);
    }
  }

  #fail(error: unknown): void {
    this.#finished.reject(error);
    this.#stop.abort(error);
    this.#wakeup.wake();
  }
}
