/** What is known of runs' logs, in SQL. */
import { isFinal } from "@spell/domain";
import type { LogEntry } from "@spell/domain";
import type { LogSegment } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { Database } from "./database.ts";
import { hasEnded } from "./attempts.ts";
import { toEntry } from "./rows.ts";
import { selectRun } from "./run-rows.ts";
import type { Row } from "./statement.ts";
import { all, run } from "./statement.ts";

export function logStore(db: Database): Pick<RunStore, "addLogSegment" | "describeLog"> {
  return {
    addLogSegment: (runId, { attempt, firstNumber, entries, objectKey }) =>
      db.write(function* () {
        if (yield* hasEnded(runId, attempt)) return false;
        const sql = `INSERT INTO log_segments (run_id, attempt, first_number, entries, object_key)
          VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
        yield* run(sql, runId, attempt, firstNumber, entries, objectKey);
        return true;
      }),

    describeLog: (runId) =>
      db.read(function* () {
        const described = yield* selectRun(runId);
        if (described === undefined) return undefined;
        const notices = yield* all("SELECT * FROM notices WHERE run_id = ? ORDER BY number", runId);
        const before = noticesOf(notices, "before");
        const after = noticesOf(notices, "after");
        const bySegment = "SELECT * FROM log_segments WHERE run_id = ? ORDER BY attempt, first_number";
        const segments = (yield* all(bySegment, runId)).map(toSegment);
        const attempts = (yield* all("SELECT * FROM attempts WHERE run_id = ? ORDER BY number", runId)).map((row) => ({
          number: row["number"] as number,
          ended: row["ended_at_ms"] !== null,
          logEntries: (row["log_entries"] as number | null) ?? undefined,
          segments: segments.filter((segment) => segment.attempt === row["number"]),
          notices: someOf(noticesOf(notices, "after", row["number"] as number)),
        }));
        return { before, attempts, after, final: isFinal(described.status) };
      }),
  };
}

function noticesOf(rows: readonly Row[], place: "before" | "after", attempt: number | null = null): LogEntry[] {
  return rows.filter((row) => row["place"] === place && row["attempt"] === attempt).map(toEntry);
}

function someOf<T>(values: T[]): T[] | undefined {
  return values.length === 0 ? undefined : values;
}

function toSegment(row: Row): LogSegment {
  return {
    attempt: row["attempt"] as number,
    firstNumber: row["first_number"] as number,
    entries: row["entries"] as number,
    objectKey: row["object_key"] as string,
  };
}
