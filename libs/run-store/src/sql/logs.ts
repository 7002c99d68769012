/** What is known of runs' logs, in SQL. */
import { isFinal } from "@spell/domain";
import type { LogEntry } from "@spell/domain";
import type { LogSegment } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { Database } from "./database.ts";
import { toEntry } from "./rows.ts";
import { selectRun } from "./run-rows.ts";
import type { Row, Sql } from "./statement.ts";
import { all, run } from "./statement.ts";

export function logStore(db: Database): Pick<RunStore, "addLogSegment" | "describeLog"> {
  return {
    addLogSegment: (runId, { attempt, firstNumber, entries, objectKey }) =>
      db.write(function* () {
        const sql = `INSERT INTO log_segments (run_id, attempt, first_number, entries, object_key)
          VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
        yield* run(sql, runId, attempt, firstNumber, entries, objectKey);
      }),

    describeLog: (runId) =>
      db.read(function* () {
        const described = yield* selectRun(runId);
        if (described === undefined) return undefined;
        const before = yield* selectNotices(runId, "before");
        const after = yield* selectNotices(runId, "after");
        const bySegment = "SELECT * FROM log_segments WHERE run_id = ? ORDER BY attempt, first_number";
        const segments = (yield* all(bySegment, runId)).map(toSegment);
        const attempts = (yield* all("SELECT * FROM attempts WHERE run_id = ? ORDER BY number", runId)).map((row) => ({
          number: row["number"] as number,
          ended: row["ended_at_ms"] !== null,
          logEntries: (row["log_entries"] as number | null) ?? undefined,
          segments: segments.filter((segment) => segment.attempt === row["number"]),
        }));
        return { before, attempts, after, final: isFinal(described.status) };
      }),
  };
}

function* selectNotices(runId: number, place: "before" | "after"): Sql<LogEntry[]> {
  const sql = "SELECT entry FROM notices WHERE run_id = ? AND place = ? ORDER BY number";
  return (yield* all(sql, runId, place)).map(toEntry);
}

function toSegment(row: Row): LogSegment {
  return {
    attempt: row["attempt"] as number,
    firstNumber: row["first_number"] as number,
    entries: row["entries"] as number,
    objectKey: row["object_key"] as string,
  };
}
