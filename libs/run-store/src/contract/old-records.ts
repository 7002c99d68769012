/** Rows as a record of any released schema has them, and what is to be seen of them once it is up to date. */
import { expect } from "vitest";
import type { RunStore } from "../run-store.ts";
import { digestFor, sampleRun, sampleSpec } from "./samples.ts";

/** SQL for both databases, in the columns that there were from the first schema on. `sequence`: PostgreSQL's, of the runs. */
export function fillOldRecord(sequence?: string): string {
  const { params, stopConditions, githubUrl, githubRef, timeoutMinutes, workspaceId, ...spec } = sampleSpec();
  expect([params, stopConditions, githubUrl, githubRef, timeoutMinutes, workspaceId]).toHaveLength(6);
  const text = (value: unknown): string =>
    `'${(typeof value === "string" ? value : JSON.stringify(value)).replaceAll("'", "''")}'`;
  return `
    INSERT INTO users (name, email, created_at_ms) VALUES ('ann', 'ann@localhost', 5);
    INSERT INTO tokens (hash, kind, subject, created_at_ms) VALUES ('hash', 'user', 'ann', 6), ('agent', 'agent', 'a1', 6);
    INSERT INTO agents (id, name, machine_types, created_at_ms, last_seen_at_ms) VALUES ('a1', 'one', '[]', 1, 1);
    INSERT INTO workflows (id, owner, managing_run_id, labels, created_at_ms) VALUES (1, 'ann', 1, '[]', 1);
    INSERT INTO runs (id, owner, run_type, workflow_id, client_key, spec, status, passed, created_at_ms, attempt, agent_id, lease_token)
      VALUES (1, 'ann', 'workflow', 1, 'key', ${text(spec)}, 'running', '["machine_requested","running"]', 7, 1, 'a1', 'lease'),
        (2, 'ann', 'user', 1, NULL, ${text(spec)}, 'complete', '["complete"]', 8, 1, 'a1', 'ended'),
        (3, 'ann', 'user', NULL, NULL, ${text(spec)}, 'machine_requested', '["machine_requested"]', 9, 0, NULL, NULL);
    UPDATE runs SET ended_at_ms = 11, user_exit_code = 0, reason_code = 'exit-code', reason = 'Well.' WHERE id = 2;
    INSERT INTO attempts (run_id, number, agent_id, lease_token, started_at_ms, ended_at_ms, log_entries)
      VALUES (1, 1, 'a1', 'lease', 8, NULL, NULL), (2, 1, 'a1', 'ended', 8, 11, 3);
    INSERT INTO log_segments (run_id, attempt, first_number, entries, object_key) VALUES (2, 1, 0, 3, 'logs/a');
    INSERT INTO notices (run_id, place, number, entry) VALUES (1, 'before', 0, '{"text":"made"}');
    INSERT INTO blobs (digest, object_key, "offset", size_bytes, is_node)
      VALUES ('${digestFor("code")}', 'packs/code', 0, 10, 1), ('${digestFor("save")}', 'packs/save', 0, 10, 1);
    ${sequence === undefined ? "" : `SELECT setval('${sequence}', 3); SELECT setval('workflows_id_seq', 1);`}`;
}

export async function lookAtOldRecord(store: RunStore): Promise<void> {
  expect(await store.findUser("ann")).toMatchObject({ name: "ann", email: "ann@localhost" });
  expect(await store.findToken("hash")).toEqual({ kind: "user", userName: "ann" });
  expect(await store.listAgents()).toMatchObject([{ id: "a1", name: "one" }]);
  expect(await store.findRunByClientKey("ann", "key")).toMatchObject({ id: 1, status: "running", leaseToken: "lease" });
  expect(await store.findRun(2)).toMatchObject({ status: "complete", userExitCode: 0, reason: "Well.", endedAtMs: 11 });
  expect((await store.listHeld()).map(({ id }) => id)).toEqual([1]);
  expect((await store.listQueued(9)).map(({ id }) => id)).toEqual([3]);
  expect(await store.describeLog(2)).toMatchObject({
    attempts: [{ logEntries: 3, segments: [{ objectKey: "logs/a" }] }],
  });
  expect((await store.describeLog(1))?.before).toMatchObject([{ text: "made" }]);
  expect(await store.findNodes([digestFor("code")])).toHaveLength(1);
  const broken: string[] = [];
  for await (const rule of store.upkeep.check()) if (rule.broken > 0) broken.push(rule.rule);
  expect(broken).toEqual([]);
  expect((await store.createRun(sampleRun(), "new")).run.id).toBe(4);
}
