/** The runs that wait for a machine, line by line: those behind the first ones of a line are not read. */
import type { RunRecord } from "../records.ts";
import type { Dialect } from "./dialect.ts";
import { toRun } from "./rows.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one } from "./statement.ts";

/** As the index `runs_queued` has them; in other words it would not be used. */
const QUEUED = "status = 'machine_requested' AND (run_type = 'workflow') = (? = 1)";
/** One that was put in line in what is the future now waits for no time: the clock was set back. */
const WAITS_FOR_TIME = "not_before_ms > ? AND queued_at_ms <= ?";

/** The first of each line, in order of id. */
export function* selectQueued(dialect: Dialect, perLine: number, nowMs: number): Sql<RunRecord[]> {
  const machineType = dialect.member("spec", "machineType");
  const line = (beyond: ">" | ">="): string =>
    `SELECT ${machineType} AS machine_type FROM runs
     WHERE ${QUEUED} AND ${machineType} ${beyond} ? ORDER BY ${machineType} LIMIT 1`;
  const ofLine = `
    SELECT * FROM runs
    WHERE ${QUEUED} AND ${machineType} = ? AND (not_before_ms IS NULL OR NOT (${WAITS_FOR_TIME})) ORDER BY id LIMIT ?`;
  const [firstLine, nextLine] = [line(">="), line(">")];
  const found: Row[] = [];
  for (const master of [0, 1]) {
    for (let next = yield* find(firstLine, master, ""); next !== undefined;) {
      const type = next["machine_type"] as string;
      found.push(...(yield* all(ofLine, master, type, nowMs, nowMs, perLine)));
      next = yield* find(nextLine, master, type);
    }
  }
  return found.map(toRun).sort((left, right) => left.id - right.id);
}

/** When the first of those that wait for a time need wait no longer. */
export function* selectNextTime(nowMs: number): Sql<number | undefined> {
  const row = yield* one(
    `SELECT min(not_before_ms) AS at_ms FROM runs
     WHERE status = 'machine_requested' AND not_before_ms IS NOT NULL AND ${WAITS_FOR_TIME}`,
    ...[nowMs, nowMs],
  );
  return (row["at_ms"] as number | null) ?? undefined;
}
