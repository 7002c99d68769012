/** One run as the coordinator knew it when it was last asked. */
import type { LogEntry, MetricCondition, RunStatus } from "@spell/domain";
import { SpellError, isRunStatus } from "@spell/domain";
import type { Run as RunRecord, RunStats } from "@spell/rpc";
import type { DownloadResult } from "@spell/spellfs";
import { checkOut } from "./check-out.ts";
import type { CheckOutOptions } from "./check-out.ts";
import type { CallOptions, Connection } from "./connection.ts";
import { readLog } from "./log-reader.ts";
import type { LogOptions } from "./log-reader.ts";
import type { MetricOptions, MetricPoint } from "./metric-reader.ts";
import { readMetric } from "./metric-reader.ts";
import type { StatsOptions } from "./stats-reader.ts";
import { readStats } from "./stats-reader.ts";

/** Fields are those of the last answer: `refresh`, `stop`, `kill` and `waitStatus` renew them. */
export class Run {
  readonly id: number;
  /** It had been made for an earlier request that asked for the same (`idempotent`). */
  readonly alreadyExisted: boolean;
  readonly #connection: Connection;
  #record: RunRecord;

  /** Made by `client.runs` and `client.workflows`. */
  constructor(connection: Connection, record: RunRecord, alreadyExisted = false) {
    this.id = record.id;
    this.alreadyExisted = alreadyExisted;
    this.#connection = connection;
    this.#record = record;
  }

  get status(): RunStatus {
    const { status } = this.#record;
    if (isRunStatus(status)) return status;
    throw new SpellError("internal", `Run ${this.id} has a status unknown here: ${status}. Update this package.`);
  }
  get command(): string {
    return this.#record.spec?.command ?? "";
  }
  get machineType(): string {
    return this.#record.spec?.machineType ?? "";
  }
  /** Undefined until the command has ended. */
  get userExitCode(): number | undefined {
    return this.#record.userExitCode;
  }
  /** Why it ended, as a stable code; empty while it has not. */
  get reasonCode(): string {
    return this.#record.reasonCode;
  }
  /** Why it ended, or what it waits for, as a sentence. */
  get reason(): string {
    return this.#record.reason;
  }
  get owner(): string {
    return this.#record.owner;
  }
  get createdAt(): Date {
    return new Date(this.#record.createdAtMs);
  }
  get startedAt(): Date | undefined {
    return instant(this.#record.startedAtMs);
  }
  get endedAt(): Date | undefined {
    return instant(this.#record.endedAtMs);
  }
  /** `user`, or `workflow` for the master run of a workflow. */
  get runType(): string {
    return this.#record.runType;
  }
  get labels(): readonly string[] {
    return this.#record.spec?.labels ?? [];
  }
  /** Everything the coordinator said, in the words of the wire. */
  get record(): Readonly<RunRecord> {
    return this.#record;
  }

  /** Asks for the present state. */
  async refresh(options: CallOptions = {}): Promise<this> {
    const client = this.#connection.runs;
    const { run } = await this.#connection.unary(client.getRun.bind(client), { runId: this.id }, options);
    return this.#renew(run);
  }

  /** SIGTERM, grace, SIGKILL; outputs saved. Before it runs, as kill. Throws `conflict` when it has ended. */
  async stop(options: CallOptions = {}): Promise<this> {
    const client = this.#connection.runs;
    const { run } = await this.#connection.unary(client.stopRun.bind(client), { runId: this.id }, options);
    return this.#renew(run);
  }

  /** SIGKILL at once; nothing saved. Throws `conflict` when it has ended. */
  async kill(options: CallOptions = {}): Promise<this> {
    const client = this.#connection.runs;
    const { run } = await this.#connection.unary(client.killRun.bind(client), { runId: this.id }, options);
    return this.#renew(run);
  }

  /** Puts a label on; one that is there already stays. */
  async addLabel(label: string, options: CallOptions = {}): Promise<this> {
    const client = this.#connection.runs;
    const { run } = await this.#connection.unary(client.addRunLabel.bind(client), { runId: this.id, label }, options);
    return this.#renew(run);
  }

  /** Takes a label off. Throws `conflict` when the run does not have it. */
  async removeLabel(label: string, options: CallOptions = {}): Promise<this> {
    const client = this.#connection.runs;
    const request = { runId: this.id, label };
    const { run } = await this.#connection.unary(client.removeRunLabel.bind(client), request, options);
    return this.#renew(run);
  }

  /** Hides it from lists and mounts. Throws `conflict` while it has not ended, or when it is archived already. */
  async archive(options: CallOptions = {}): Promise<this> {
    const client = this.#connection.runs;
    const { run } = await this.#connection.unary(client.archiveRun.bind(client), { runId: this.id }, options);
    return this.#renew(run);
  }

  /**
   * Waits until the run has reached (or passed) one of the statuses, through restarts of the coordinator. Throws
   * `conflict` with reason `wait-impossible` when it has ended otherwise.
   */
  async waitStatus(...statuses: readonly RunStatus[]): Promise<this> {
    return this.waitStatuses(statuses);
  }

  /** As `waitStatus`, with an abort signal. */
  async waitStatuses(statuses: readonly RunStatus[], options: { signal?: AbortSignal } = {}): Promise<this> {
    const client = this.#connection.runs;
    const request = { runId: this.id, statuses: [...statuses] };
    const { run, reached, message } = await this.#connection.unary(client.waitStatus.bind(client), request, {
      signal: options.signal,
      // The answer is held back until there is one; keepalive notices a dead peer.
      deadlineMs: Number.POSITIVE_INFINITY,
      retryForMs: Number.POSITIVE_INFINITY,
    });
    this.#renew(run);
    if (!reached) throw new SpellError("conflict", message, { reason: "wait-impossible" });
    return this;
  }

  /** The run's log. With `follow` until it has ended, through lost connections, every entry once. */
  logs(options: LogOptions = {}): AsyncGenerator<LogEntry, void, undefined> {
    return readLog(this.#connection, this.id, options);
  }

  /** The points of one of its metrics. With `follow` until it has ended, through lost connections, every point once. */
  metrics(name: string, options: MetricOptions = {}): AsyncGenerator<MetricPoint, void, undefined> {
    return readMetric(this.#connection, { runId: this.id, name }, options);
  }

  /** What it uses of its machine: one sample, with `follow` about one a second until it has ended. None while it does not run. */
  stats(options: StatsOptions = {}): AsyncGenerator<RunStats, void, undefined> {
    return readStats(this.#connection, this.id, options);
  }

  /**
   * Waits until some value of a metric is as asked, through restarts of the coordinator. Throws `conflict` with reason
   * `wait-impossible` when the run has ended without.
   */
  async waitMetric(
    name: string,
    condition: MetricCondition,
    value: number | string,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const client = this.#connection.metrics;
    const asked = typeof value === "number" ? { $case: "number" as const, value } : { $case: "text" as const, value };
    const request = { runId: this.id, name, condition, value: asked };
    const { reached, message } = await this.#connection.unary(client.waitMetric.bind(client), request, {
      signal: options.signal,
      deadlineMs: Number.POSITIVE_INFINITY,
      retryForMs: Number.POSITIVE_INFINITY,
    });
    if (!reached) throw new SpellError("conflict", message, { reason: "wait-impossible" });
  }

  /** The code as the run had it. Throws `not-found` when it had none, `invalid-input` for a folder that holds something. */
  async checkOut(options: CheckOutOptions): Promise<DownloadResult> {
    return checkOut(this.#connection, this.#record, options);
  }

  #renew(record: RunRecord | undefined): this {
    if (record !== undefined) this.#record = record;
    return this;
  }
}

function instant(atMs: number): Date | undefined {
  return atMs === 0 ? undefined : new Date(atMs);
}
