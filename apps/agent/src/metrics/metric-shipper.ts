/**
 * Brings the points of one attempt to the coordinator: what the run sends is appended to the spool, and batches of the spool are
 * committed under the lease, in order, each again until it is taken. The coordinator knows points by their number, so nothing has
 * to be written down about what was shipped: after a restart it is asked how many it has.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SpellError, hasCode, messageOf } from "@spell/domain";
import { Wakeup } from "../logs/wakeup.ts";
import { untilAvailable } from "../retry.ts";
import { parsePoint } from "./metric-body.ts";
import type { SentPoint } from "./metric-body.ts";
import type { SpooledPoint, SpoolPosition, StreamPlace } from "./metric-spool.ts";
import { MetricSpool, SPOOL_START } from "./metric-spool.ts";

/** Where points are recorded, under the attempt's lease. */
export interface MetricRecord {
  /** Resolves with how many points of the attempt are recorded. Rejects with `stale-lease`, or `unavailable` for another try. */
  commit(firstNumber: number, points: readonly SpooledPoint[]): Promise<number>;
}

export interface MetricShipperOptions {
  attemptDir: string;
  record: MetricRecord;
  onProblem(message: string): void;
}

/** A point is on its way at once, the next ones after this: each batch costs the coordinator a commit. */
const PAUSE_MS = 100;

export class MetricShipper {
  readonly #options: MetricShipperOptions;
  readonly #spool: MetricSpool;
  readonly #wakeup = new Wakeup();
  readonly #closing = new AbortController();
  readonly #stop = new AbortController();
  readonly #run: Promise<void>;
  #position = SPOOL_START;

  /** Starts shipping; continues what an earlier shipper on this folder began. Throws what the disk says. */
  static async open(options: MetricShipperOptions): Promise<MetricShipper> {
    return new MetricShipper(options, await MetricSpool.open(join(options.attemptDir, "metrics.jsonl")));
  }

  private constructor(options: MetricShipperOptions, spool: MetricSpool) {
    this.#options = options;
    this.#spool = spool;
    this.#run = this.#ship();
    // Nobody may wait for the end yet.
    this.#run.catch(() => undefined);
  }

  /** Takes the point that the run has posted; when it returns, the point survives this process. Throws a SpellError for the run. */
  post(body: string): void {
    this.#requireOpen();
    const refusal = this.#spool.append([parsePoint(body)], Date.now());
    if (refusal !== undefined) throw refusal;
    this.#wakeup.wake();
  }

  /**
   * Takes points of a stream, a line each; those received before are passed over. When it returns, they survive this process.
   * Gives why the first that was refused was.
   */
  postLines(lines: readonly string[], { sender, number: first }: StreamPlace): SpellError | undefined {
    this.#requireOpen();
    let refusal: SpellError | undefined;
    const points: (SentPoint & { place: StreamPlace })[] = [];
    for (let at = Math.max(0, this.#spool.received(sender) - first); at < lines.length; at += 1) {
      try {
        points.push({ ...parsePoint(lines[at] ?? ""), place: { sender, number: first + at } });
      } catch (error) {
        if (!(error instanceof SpellError)) throw error;
        refusal ??= error;
      }
    }
    const tooMany = this.#spool.append(points, Date.now());
    this.#wakeup.wake();
    return refusal ?? tooMany;
  }

  /** Takes no more, and resolves once all is recorded. Rejects with `stale-lease` when the attempt is no longer ours. */
  async finish(): Promise<void> {
    this.#closing.abort();
    this.#wakeup.wake();
    await this.#run;
  }

  /** Ends without shipping the rest; a later shipper on the same folder goes on. Idempotent. */
  async stop(): Promise<void> {
    this.#closing.abort();
    this.#stop.abort(new SpellError("unavailable", "The agent stops before the metrics are recorded."));
    this.#wakeup.wake();
    await this.#run.catch(() => undefined);
    await this.#spool.close();
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw new SpellError("conflict", "This run has ended: it takes no more metrics.");
  }

  async #ship(): Promise<void> {
    try {
      if (this.#spool.count > 0) await this.#commit([], this.#position);
      for (;;) {
        this.#stop.signal.throwIfAborted();
        if (this.#position.number < this.#spool.count) {
          const { points, end } = await this.#spool.read(this.#position);
          await this.#commit(points, end);
          await this.#pause();
        } else if (this.#closing.signal.aborted) return;
        else await this.#wakeup.wait();
      }
    } catch (error) {
      if (this.#stop.signal.aborted || hasCode(error, "stale-lease")) throw error;
      // A metric is not worth a run: what cannot be recorded for good is given up.
      this.#options.onProblem(`Metrics are lost from number ${this.#position.number} on: ${messageOf(error)}`);
    }
  }

  async #commit(points: readonly SpooledPoint[], end: SpoolPosition): Promise<void> {
    const { number } = this.#position;
    const commit = (): Promise<number> => this.#options.record.commit(number, points);
    const recorded = await untilAvailable(commit, { signal: this.#stop.signal });
    this.#position = recorded === end.number ? end : await this.#spool.seek(recorded);
  }

  /** Unless the end is near: then somebody waits. */
  async #pause(): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, this.#stop.signal]);
    await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}
