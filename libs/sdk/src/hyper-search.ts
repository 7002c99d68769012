/** One hyper-parameter search as the coordinator knew it when it was last asked. */
import { SpellError } from "@spell/domain";
import type { HyperSearch as HyperSearchRecord } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";
import type { MetricPoint } from "./metric-reader.ts";
import { Run } from "./run.ts";

export class HyperSearch {
  readonly id: number;
  readonly #connection: Connection;
  #record: HyperSearchRecord;

  /** Made by `client.hyper`. */
  constructor(connection: Connection, record: HyperSearchRecord) {
    this.id = record.id;
    this.#connection = connection;
    this.#record = record;
  }

  /** `running`, or how it ended: `complete`, `stopped`, `killed`. */
  get status(): string {
    return this.#record.status;
  }
  /** Those made so far, in that order. */
  get runs(): Run[] {
    return this.#record.runs.map((run) => new Run(this.#connection, run));
  }
  /** Everything the coordinator said, in the words of the wire. */
  get record(): Readonly<HyperSearchRecord> {
    return this.#record;
  }

  /** Asks for the present state. */
  async refresh(options: CallOptions = {}): Promise<this> {
    const client = this.#connection.hyper;
    const request = { searchId: this.id };
    this.#record = presentSearch(
      (await this.#connection.unary(client.getHyperSearch.bind(client), request, options)).search,
    );
    return this;
  }

  /** Stops every run that has not ended; it makes no more. Throws `conflict` when it has ended. */
  async stop(options: CallOptions = {}): Promise<this> {
    const client = this.#connection.hyper;
    await this.#connection.unary(client.stopHyperSearch.bind(client), { searchId: this.id }, options);
    return this.refresh(options);
  }

  /** Kills every run that has not ended; it makes no more. Throws `conflict` when it has ended. */
  async kill(options: CallOptions = {}): Promise<this> {
    const client = this.#connection.hyper;
    await this.#connection.unary(client.killHyperSearch.bind(client), { searchId: this.id }, options);
    return this.refresh(options);
  }

  /** Every metric that one of its runs has sent. */
  async metricNames(options: CallOptions = {}): Promise<string[]> {
    const client = this.#connection.hyper;
    const request = { searchId: this.id };
    return (await this.#connection.unary(client.listHyperMetrics.bind(client), request, options)).names;
  }

  /** The points of a metric so far, run by run and of each in order. */
  async *metric(
    name: string,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<MetricPoint & { runId: number }, void, undefined> {
    const client = this.#connection.hyper;
    const request = { searchId: this.id, name };
    const parts = this.#connection.stream(client.readHyperMetric.bind(client), request, options);
    for await (const { runId, points } of parts) {
      for (const { atUs, index, value } of points) {
        // A kind of value that a newer coordinator knows and this package does not.
        if (value?.value === undefined) continue;
        const atMs = atUs / 1_000;
        yield { runId, at: new Date(Math.floor(atMs)), atMs, index, value: value.value.value };
      }
    }
  }
}

export function presentSearch(search: HyperSearchRecord | undefined): HyperSearchRecord {
  if (search !== undefined) return search;
  throw new SpellError("internal", "The coordinator answered without a hyper-parameter search.");
}
