/** The runs that wait for a machine, line by line: those behind the first ones of a line are not read. */
import type { RunRecord } from "../records.ts";
import { toRun } from "./rows.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** As the index `runs_queued` has them; in other words it would not be used. */
const QUEUED = "status = 'machine_requested' AND (run_type = 'workflow') = ?";
const MACHINE_TYPE = "json_extract(spec, '$.machineType')";
const NEXT_LINE = `
  SELECT ${MACHINE_TYPE} AS machine_type FROM runs
  WHERE ${QUEUED} AND ${MACHINE_TYPE} > ? ORDER BY ${MACHINE_TYPE} LIMIT 1`;
const FIRST_LINE = NEXT_LINE.replace("> ?", ">= ?");
const OF_LINE = `SELECT * FROM runs WHERE ${QUEUED} AND ${MACHINE_TYPE} = ? ORDER BY id LIMIT ?`;

/** The first of each line, in order of id. */
export function selectQueued(db: Statements, perLine: number): RunRecord[] {
  const found: Row[] = [];
  for (const master of [0, 1]) {
    for (let line = db.find(FIRST_LINE, master, ""); line !== undefined;) {
      const machineType = line["machine_type"] as string;
      found.push(...db.all(OF_LINE, master, machineType, perLine));
      line = db.find(NEXT_LINE, master, machineType);
    }
  }
  return found.map(toRun).sort((left, right) => left.id - right.id);
}
