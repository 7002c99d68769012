/**
 * Metrics in SQL. Points lie in chunks, so that a run that sends thousands a second costs a few rows; a chunk grows while it is
 * small, so that one that sends a point now and then costs no row each.
 */
import type { MetricPoint, MetricStore, MetricSummary, NamedPoint } from "../metrics.ts";
import { hasEnded } from "./attempts.ts";
import type { Database } from "./database.ts";
import type { ChunkPoint } from "./metric-chunk.ts";
import { decodePoints, encodePoints, summarise, toMicroseconds } from "./metric-chunk.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";

/** A chunk takes more points while it has fewer than this: what each further point rewrites stays a few kilobytes. */
const SMALL_CHUNK_POINTS = 100;
const MAX_CHUNK_POINTS = 1_000;

interface Metric {
  id: number;
  /** Of the last point. */
  lastAtUs: number;
  summary: MetricSummary | undefined;
}

export function metricStore(db: Database): MetricStore {
  return {
    addBatch: (runId, attempt, firstNumber, points) =>
      db.write(function* () {
        const recorded = yield* countOf(runId, attempt);
        if (yield* hasEnded(runId, attempt)) return recorded;
        const fresh = firstNumber > recorded ? [] : points.slice(recorded - firstNumber);
        if (fresh.length === 0) return recorded;
        for (const [name, own] of byName(fresh)) yield* append({ runId, name, points: own });
        const total = recorded + fresh.length;
        const sql = `INSERT INTO metric_counts (run_id, attempt, points) VALUES (?, ?, ?)
          ON CONFLICT (run_id, attempt) DO UPDATE SET points = excluded.points`;
        yield* run(sql, runId, attempt, total);
        return total;
      }),

    countPoints: (runId, attempt) => db.read(() => countOf(runId, attempt)),

    listPoints: (runId, name, { afterMs, limit = Infinity } = {}) =>
      db.read(function* () {
        const metric = yield* selectMetric(runId, name);
        if (metric === undefined) return [];
        const afterUs = afterMs === undefined ? Number.MIN_SAFE_INTEGER : toMicroseconds(afterMs);
        const found: MetricPoint[] = [];
        let chunk = (yield* chunkWith(metric.id, afterUs)) ?? (yield* chunkAfter(metric.id, afterUs));
        while (chunk !== undefined && found.length < limit) {
          for (const point of decodePoints(chunk["points"] as string)) {
            if (toMicroseconds(point.atMs) > afterUs && found.length < limit) found.push(point);
          }
          chunk = yield* chunkAfter(metric.id, chunk["first_at_us"] as number);
        }
        return found;
      }),

    names: (runId) =>
      db.read(function* () {
        const rows = yield* all("SELECT name FROM metrics WHERE run_id = ? ORDER BY id", runId);
        return rows.map(({ name }) => name as string);
      }),

    summary: (runId, name) =>
      db.read(function* () {
        return (yield* selectMetric(runId, name))?.summary;
      }),
  };
}

function* countOf(runId: number, attempt: number): Sql<number> {
  const row = yield* find("SELECT points FROM metric_counts WHERE run_id = ? AND attempt = ?", runId, attempt);
  return (row?.["points"] as number | undefined) ?? 0;
}

function* selectMetric(runId: number, name: string): Sql<Metric | undefined> {
  const row = yield* find("SELECT * FROM metrics WHERE run_id = ? AND name = ?", runId, name);
  if (row === undefined) return undefined;
  const summary = row["summary"] as string | null;
  return {
    id: row["id"] as number,
    lastAtUs: row["last_at_us"] as number,
    summary: summary === null ? undefined : (JSON.parse(summary) as MetricSummary),
  };
}

function* append(request: { runId: number; name: string; points: readonly NamedPoint[] }): Sql<void> {
  const { runId, name } = request;
  const metric = (yield* selectMetric(runId, name)) ?? (yield* insertMetric(runId, name));
  let { lastAtUs } = metric;
  // A reader goes on after a time, so no two points of a metric may have the same: also when a clock was set back, or the run
  // went on at another machine.
  const points = request.points.map(({ atMs, index, value }) => {
    lastAtUs = Math.max(toMicroseconds(atMs), lastAtUs + 1);
    return { atUs: lastAtUs, index, value };
  });
  yield* storeChunks(metric.id, points);
  const summary = summarise(metric.summary, points);
  const text = summary === undefined ? null : JSON.stringify(summary);
  yield* run("UPDATE metrics SET last_at_us = ?, summary = ? WHERE id = ?", lastAtUs, text, metric.id);
}

function* insertMetric(runId: number, name: string): Sql<Metric> {
  const sql = "INSERT INTO metrics (run_id, name, last_at_us) VALUES (?, ?, 0) RETURNING id";
  return { id: (yield* one(sql, runId, name))["id"] as number, lastAtUs: 0, summary: undefined };
}

function* storeChunks(metricId: number, points: readonly ChunkPoint[]): Sql<void> {
  const last = yield* find(
    "SELECT first_at_us, count FROM metric_chunks WHERE metric_id = ? ORDER BY first_at_us DESC LIMIT 1",
    metricId,
  );
  const count = (last?.["count"] as number | undefined) ?? MAX_CHUNK_POINTS;
  let stored = 0;
  if (last !== undefined && count < SMALL_CHUNK_POINTS) {
    stored = Math.min(points.length, MAX_CHUNK_POINTS - count);
    yield* run(
      `UPDATE metric_chunks SET points = points || ',' || ?, count = count + ? WHERE metric_id = ? AND first_at_us = ?`,
      encodePoints(points.slice(0, stored)),
      stored,
      metricId,
      last["first_at_us"] as number,
    );
  }
  for (; stored < points.length; stored += MAX_CHUNK_POINTS) {
    const chunk = points.slice(stored, stored + MAX_CHUNK_POINTS);
    yield* run(
      "INSERT INTO metric_chunks (metric_id, first_at_us, count, points) VALUES (?, ?, ?, ?)",
      ...[metricId, chunk[0]?.atUs ?? 0, chunk.length, encodePoints(chunk)],
    );
  }
}

/** The chunk that holds this time, or would. */
function chunkWith(metricId: number, atUs: number): Sql<Row | undefined> {
  return find(
    "SELECT * FROM metric_chunks WHERE metric_id = ? AND first_at_us <= ? ORDER BY first_at_us DESC LIMIT 1",
    ...[metricId, atUs],
  );
}

function chunkAfter(metricId: number, firstAtUs: number): Sql<Row | undefined> {
  return find(
    "SELECT * FROM metric_chunks WHERE metric_id = ? AND first_at_us > ? ORDER BY first_at_us LIMIT 1",
    ...[metricId, firstAtUs],
  );
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
