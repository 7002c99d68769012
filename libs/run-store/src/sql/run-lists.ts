/** Finding runs by what they have in common. */
import type { RunFilter, RunRecord } from "../records.ts";
import type { Dialect } from "./dialect.ts";
import { searchableJson } from "./json.ts";
import { toRun } from "./rows.ts";
import type { Sql, SqlValue } from "./statement.ts";
import { all, find } from "./statement.ts";

/** Newest first. */
export function* selectRuns(dialect: Dialect, filter: RunFilter): Sql<RunRecord[]> {
  const conditions = ["owner = ?", "id < ?", "archived_at_ms IS NULL"];
  const values: SqlValue[] = [filter.owner, filter.beforeId ?? Number.MAX_SAFE_INTEGER];
  const equal = { workflow_id: filter.workflowId, hyper_search_id: filter.hyperSearchId, project_id: filter.projectId };
  for (const [column, value] of Object.entries(equal)) {
    if (value === undefined) continue;
    conditions.push(`${column} = ?`);
    values.push(value);
  }
  if (filter.repository !== undefined) {
    conditions.push(`${dialect.member("spec", "codeRoot")} = ?`);
    values.push(filter.repository);
  }
  // Lists of any length as one JSON value: the text of the statement stays the same, and it is compiled once.
  if (filter.workspaceIds !== undefined && filter.workspaceIds.length > 0) {
    conditions.push(`${dialect.member("spec", "workspaceId")} IN ${dialect.texts("?")}`);
    values.push(JSON.stringify(filter.workspaceIds));
  }
  if (filter.labels !== undefined && filter.labels.length > 0) {
    const own = `${dialect.texts("runs.labels")} AS label`;
    conditions.push(`EXISTS (SELECT 1 FROM ${own} WHERE label.value IN ${dialect.texts("?")})`);
    values.push(searchableJson(filter.labels));
  }
  const sql = `SELECT * FROM runs WHERE ${conditions.join(" AND ")} ORDER BY id DESC LIMIT ?`;
  return (yield* all(sql, ...values, filter.pageSize)).map(toRun);
}

/** The newest run that asked for the same and is under way or did well: one that failed or was ended is no answer. */
export function* selectSameRun(owner: string, requestHash: string): Sql<RunRecord | undefined> {
  const row = yield* find(
    `SELECT * FROM runs WHERE owner = ? AND request_hash = ? AND request_hash <> '' AND archived_at_ms IS NULL
       AND requested IS NULL AND coalesce(user_exit_code, 0) = 0
       AND status NOT IN ('failed', 'stopped', 'killed', 'interrupted', 'build_failed', 'mount_failed')
     ORDER BY id DESC LIMIT 1`,
    owner,
    requestHash,
  );
  return row && toRun(row);
}
