/** Runs and workflows in SQL. */
import type { SpellError } from "@spell/domain";
import { conflict } from "@spell/domain";
import type { RunRecord, WorkflowLabel, WorkflowRecord } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Database } from "./database.ts";
import { selectAttempts } from "./attempts.ts";
import { toRun, toWorkflow } from "./rows.ts";
import { selectRuns, selectSameRun } from "./run-lists.ts";
import { selectNextTime, selectQueued } from "./run-queue.ts";
import { changeRun, insertRun, selectRun } from "./run-rows.ts";
import type { Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";
import { selectWorkflow } from "./workflow-rows.ts";

type Runs = Pick<
  RunStore,
  | "createRun"
  | "createWorkflow"
  | "createLocalWorkflow"
  | "requestWorkflow"
  | "listWorkflowsToEnd"
  | "archiveWorkflow"
  | "findRun"
  | "findRunByClientKey"
  | "listRuns"
  | "findWorkflow"
  | "listQueued"
  | "nextQueuedAtMs"
  | "listAttempts"
  | "listHeld"
  | "updateRun"
>;

export function runsStore(db: Database, blobs: BlobTable): Runs {
  return {
    createRun: (fresh, clientKey, options = { reuse: false }) =>
      db.write(function* () {
        const existing = yield* selectByKey(fresh.owner, clientKey);
        if (existing?.runType === "workflow") throw keyUsed(clientKey);
        if (existing !== undefined) return { run: existing, existed: true, reused: false };
        if ((yield* selectLocalWorkflow(fresh.owner, clientKey)) !== undefined) throw keyUsed(clientKey);
        const same = options.reuse ? yield* selectSameRun(fresh.owner, fresh.requestHash) : undefined;
        if (same !== undefined) return { run: same, existed: false, reused: true };
        return { run: yield* insertRun(blobs, fresh, clientKey), existed: false, reused: false };
      }),

    createWorkflow: (workflow, clientKey) =>
      db.write(function* () {
        const { owner, createdAtMs } = workflow.run;
        const existing = yield* selectByKey(owner, clientKey);
        if (existing?.runType === "user") throw keyUsed(clientKey);
        if ((yield* selectLocalWorkflow(owner, clientKey)) !== undefined) throw keyUsed(clientKey);
        if (existing?.workflowId !== undefined) {
          const known = (yield* selectWorkflow(existing.workflowId)) as WorkflowRecord;
          return { workflow: known, run: existing, existed: true };
        }
        yield* requireLabels(blobs, workflow.labels);
        const { id } = (yield* one(
          `INSERT INTO workflows (owner, managing_run_id, labels, created_at_ms) VALUES (?, 0, ?, ?) RETURNING id`,
          ...[owner, JSON.stringify(workflow.labels), createdAtMs],
        )) as { id: number };
        const master = yield* insertRun(blobs, { ...workflow.run, workflowId: id }, clientKey);
        const row = yield* one("UPDATE workflows SET managing_run_id = ? WHERE id = ? RETURNING *", master.id, id);
        return { workflow: toWorkflow(row), run: master, existed: false };
      }),

    createLocalWorkflow: ({ owner, labels, createdAtMs }, clientKey) =>
      db.write(function* () {
        if ((yield* selectByKey(owner, clientKey)) !== undefined) throw keyUsed(clientKey);
        const made = yield* selectLocalWorkflow(owner, clientKey);
        if (made !== undefined) return { workflow: made, existed: true };
        yield* requireLabels(blobs, labels);
        const row = yield* one(
          `INSERT INTO workflows (owner, managing_run_id, labels, created_at_ms, client_key)
           VALUES (?, 0, ?, ?, ?) RETURNING *`,
          ...[owner, JSON.stringify(labels), createdAtMs, clientKey === "" ? null : clientKey],
        );
        return { workflow: toWorkflow(row), existed: false };
      }),

    requestWorkflow: (id, verb, by) =>
      db.write(function* () {
        yield* run(
          `UPDATE workflows SET requested = ?, requested_by = ?
           WHERE id = ? AND (requested IS NULL OR (requested = 'stop' AND ? = 'kill'))`,
          ...[verb, by, id, verb],
        );
        return yield* selectWorkflow(id);
      }),

    listWorkflowsToEnd: () =>
      db.read(function* () {
        const rows = yield* all(
          `SELECT * FROM workflows WHERE requested IS NOT NULL AND archived_at_ms IS NULL AND EXISTS (
             SELECT 1 FROM runs WHERE runs.workflow_id = workflows.id AND runs.ended_at_ms IS NULL
               AND (runs.requested IS NULL OR (runs.requested = 'stop' AND workflows.requested = 'kill'))
           ) ORDER BY id`,
        );
        return rows.map(toWorkflow);
      }),

    archiveWorkflow: (id, atMs) =>
      db.write(function* () {
        const sql = `UPDATE workflows SET archived_at_ms = coalesce(archived_at_ms, ?) WHERE id = ?
          AND NOT EXISTS (SELECT 1 FROM runs WHERE workflow_id = workflows.id AND ended_at_ms IS NULL)`;
        return (yield* run(sql, atMs, id)) > 0;
      }),

    findRun: (id) => db.read(() => selectRun(id)),

    findRunByClientKey: (owner, clientKey) => db.read(() => selectByKey(owner, clientKey)),

    listRuns: (filter) => db.read(() => selectRuns(db.dialect, filter)),

    findWorkflow: (id) => db.read(() => selectWorkflow(id)),

    listQueued: (perLine, nowMs = Number.MAX_SAFE_INTEGER) => db.read(() => selectQueued(db.dialect, perLine, nowMs)),

    nextQueuedAtMs: (nowMs) => db.read(() => selectNextTime(nowMs)),

    listAttempts: (runId) => db.read(() => selectAttempts(runId)),

    listHeld: (agentId) =>
      db.read(function* () {
        const held = "SELECT * FROM runs WHERE ended_at_ms IS NULL AND agent_id";
        const rows =
          agentId === undefined
            ? yield* all(`${held} IS NOT NULL ORDER BY id`)
            : yield* all(`${held} = ? ORDER BY id`, agentId);
        return rows.map(toRun);
      }),

    updateRun: (id, version, change) => db.write(() => changeRun(blobs, { id, version, change })),
  };
}

function* requireLabels(blobs: BlobTable, labels: readonly WorkflowLabel[]): Sql<void> {
  for (const { code } of labels) if (code !== undefined) yield* blobs.requireTree(code.tree);
}

function* selectByKey(owner: string, clientKey: string): Sql<RunRecord | undefined> {
  if (clientKey === "") return undefined;
  const row = yield* find("SELECT * FROM runs WHERE owner = ? AND client_key = ?", owner, clientKey);
  return row && toRun(row);
}

function* selectLocalWorkflow(owner: string, clientKey: string): Sql<WorkflowRecord | undefined> {
  if (clientKey === "") return undefined;
  const row = yield* find("SELECT * FROM workflows WHERE owner = ? AND client_key = ?", owner, clientKey);
  return row && toWorkflow(row);
}

/** One key, one request: a run and a workflow cannot share it. */
function keyUsed(clientKey: string): SpellError {
  return conflict(`The client key "${clientKey}" was used for another request: make a new one.`, "client-key-used");
}
