/**
 * Metrics in SQLite. Points lie in chunks, so that a run that sends thousands a second costs a few rows; a chunk grows while it is
 * small, so that one that sends a point now and then costs no row each.
 */
import type { MetricPoint, MetricStore, MetricSummary, NamedPoint } from "../metrics.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { ChunkPoint } from "./metric-chunk.ts";
import { decodePoints, encodePoints, summarise, toMicroseconds } from "./metric-chunk.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** A chunk takes more points while it has fewer than this: what each further point rewrites stays a few kilobytes. */
const SMALL_CHUNK_POINTS = 100;
const MAX_CHUNK_POINTS = 1_000;

interface Metric {
  id: number;
  /** Of the last point. */
  lastAtUs: number;
  summary: MetricSummary | undefined;
}

export class SqliteMetrics implements MetricStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;

  constructor(db: Statements, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  addBatch(runId: number, attempt: number, firstNumber: number, points: readonly NamedPoint[]): Promise<number> {
    return this.#group.write(() => {
      const recorded = this.#count(runId, attempt);
      const fresh = firstNumber > recorded ? [] : points.slice(recorded - firstNumber);
      if (fresh.length === 0) return recorded;
      for (const [name, own] of byName(fresh)) this.#append({ runId, name, points: own });
      const total = recorded + fresh.length;
      this.#db.run("INSERT OR REPLACE INTO metric_counts VALUES (?, ?, ?)", runId, attempt, total);
      return total;
    });
  }

  async countPoints(runId: number, attempt: number): Promise<number> {
    return this.#count(runId, attempt);
  }

  async listPoints(
    runId: number,
    name: string,
    page: { afterMs?: number; limit?: number } = {},
  ): Promise<MetricPoint[]> {
    const { afterMs, limit = Infinity } = page;
    const metric = this.#find(runId, name);
    if (metric === undefined) return [];
    const afterUs = afterMs === undefined ? Number.MIN_SAFE_INTEGER : toMicroseconds(afterMs);
    const found: MetricPoint[] = [];
    let chunk = this.#chunkWith(metric.id, afterUs) ?? this.#chunkAfter(metric.id, afterUs);
    while (chunk !== undefined && found.length < limit) {
      for (const point of decodePoints(chunk["points"] as string)) {
        if (toMicroseconds(point.atMs) > afterUs && found.length < limit) found.push(point);
      }
      chunk = this.#chunkAfter(metric.id, chunk["first_at_us"] as number);
    }
    return found;
  }

  async names(runId: number): Promise<string[]> {
    return this.#db
      .all("SELECT name FROM metrics WHERE run_id = ? ORDER BY id", runId)
      .map(({ name }) => name as string);
  }

  async summary(runId: number, name: string): Promise<MetricSummary | undefined> {
    return this.#find(runId, name)?.summary;
  }

  #count(runId: number, attempt: number): number {
    const row = this.#db.find("SELECT points FROM metric_counts WHERE run_id = ? AND attempt = ?", runId, attempt);
    return (row?.["points"] as number | undefined) ?? 0;
  }

  #find(runId: number, name: string): Metric | undefined {
    const row = this.#db.find("SELECT * FROM metrics WHERE run_id = ? AND name = ?", runId, name);
    if (row === undefined) return undefined;
    const summary = row["summary"] as string | null;
    return {
      id: row["id"] as number,
      lastAtUs: row["last_at_us"] as number,
      summary: summary === null ? undefined : (JSON.parse(summary) as MetricSummary),
    };
  }

  #append(request: { runId: number; name: string; points: readonly NamedPoint[] }): void {
    const { runId, name } = request;
    const metric = this.#find(runId, name) ?? this.#make(runId, name);
    let { lastAtUs } = metric;
    // A reader goes on after a time, so no two points of a metric may have the same: also when a clock was set back, or the run
    // went on at another machine.
    const points = request.points.map(({ atMs, index, value }) => {
      lastAtUs = Math.max(toMicroseconds(atMs), lastAtUs + 1);
      return { atUs: lastAtUs, index, value };
    });
    this.#storeChunks(metric.id, points);
    const summary = summarise(metric.summary, points);
    const text = summary === undefined ? null : JSON.stringify(summary);
    this.#db.run("UPDATE metrics SET last_at_us = ?, summary = ? WHERE id = ?", lastAtUs, text, metric.id);
  }

  #make(runId: number, name: string): Metric {
    const sql = "INSERT INTO metrics (run_id, name, last_at_us) VALUES (?, ?, 0) RETURNING id";
    return { id: this.#db.one(sql, runId, name)["id"] as number, lastAtUs: 0, summary: undefined };
  }

  #storeChunks(metricId: number, points: readonly ChunkPoint[]): void {
    const last = this.#db.find(
      "SELECT first_at_us, count FROM metric_chunks WHERE metric_id = ? ORDER BY first_at_us DESC LIMIT 1",
      metricId,
    );
    const count = (last?.["count"] as number | undefined) ?? MAX_CHUNK_POINTS;
    let stored = 0;
    if (last !== undefined && count < SMALL_CHUNK_POINTS) {
      stored = Math.min(points.length, MAX_CHUNK_POINTS - count);
      this.#db.run(
        `UPDATE metric_chunks SET points = points || ',' || ?, count = count + ? WHERE metric_id = ? AND first_at_us = ?`,
        encodePoints(points.slice(0, stored)),
        stored,
        metricId,
        last["first_at_us"] as number,
      );
    }
    for (; stored < points.length; stored += MAX_CHUNK_POINTS) {
      const chunk = points.slice(stored, stored + MAX_CHUNK_POINTS);
      const firstAtUs = chunk[0]?.atUs ?? 0;
      this.#db.run(
        "INSERT INTO metric_chunks VALUES (?, ?, ?, ?)",
        metricId,
        firstAtUs,
        chunk.length,
        encodePoints(chunk),
      );
    }
  }

  /** The chunk that holds this time, or would. */
  #chunkWith(metricId: number, atUs: number): Row | undefined {
    return this.#db.find(
      "SELECT * FROM metric_chunks WHERE metric_id = ? AND first_at_us <= ? ORDER BY first_at_us DESC LIMIT 1",
      metricId,
      atUs,
    );
  }

  #chunkAfter(metricId: number, firstAtUs: number): Row | undefined {
    return this.#db.find(
      "SELECT * FROM metric_chunks WHERE metric_id = ? AND first_at_us > ? ORDER BY first_at_us LIMIT 1",
      metricId,
      firstAtUs,
    );
  }
}

function byName(points: readonly NamedPoint[]): Map<string, NamedPoint[]> {
  const groups = new Map<string, NamedPoint[]>();
  for (const point of points) {
    const group = groups.get(point.name);
    if (group === undefined) groups.set(point.name, [point]);
    else group.push(point);
  }
  return groups;
}
