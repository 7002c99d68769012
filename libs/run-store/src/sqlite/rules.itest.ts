/** Each rule of the record is broken once, in the file itself, and found. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { tempFolder } from "@spell/testing";
import { expect, test } from "vitest";
import { openSqliteRunStore } from "./index.ts";
import { RECORD_RULES } from "../upkeep/rules.ts";

/** A sound record: a worker that is complete, one on a machine, one that waits, and the master of their workflow. */
const SOUND = `
  INSERT INTO users (name, email, created_at_ms) VALUES ('ann', 'ann@x', 1);
  INSERT INTO tokens VALUES ('t1', 'user', 'ann', 1), ('t2', 'agent', 'a1', 1);
  INSERT INTO agents (id, name, machine_types, created_at_ms, last_seen_at_ms) VALUES ('a1', 'one', '[]', 1, 1);
  INSERT INTO workflows (id, owner, managing_run_id, labels, created_at_ms) VALUES (1, 'ann', 1, '[]', 1);
  INSERT INTO hyper_searches (id, owner, spec, template, seed, created_at_ms) VALUES (1, 'ann', '{}', '{}', 1, 1);
  INSERT INTO blobs (id, digest, object_key, offset, size_bytes, is_node) VALUES (1, 'tree', 'packs/a', 0, 1, 1);
  INSERT INTO models (id, owner, name, last_number, created_at_ms) VALUES (1, 'ann', 'net', 1, 1);
  INSERT INTO model_versions (model_id, version, resource, files, description, created_at_ms) VALUES (1, 'v1', 'runs/2', '[]', '', 1);
  INSERT INTO runs (id, owner, run_type, workflow_id, hyper_search_id, spec, status, passed, created_at_ms, attempt, agent_id, lease_token)
    VALUES (1, 'ann', 'workflow', 1, NULL, '{}', 'running', '["running"]', 1, 1, 'a1', 'l1'),
      (2, 'ann', 'user', 1, 1, '{}', 'complete', '["complete"]', 1, 1, 'a1', 'l2'),
      (3, 'ann', 'user', 1, 1, '{}', 'machine_requested', '["machine_requested"]', 1, 0, NULL, NULL),
      (4, 'ann', 'user', NULL, NULL, '{}', 'killed', '["killed"]', 1, 0, NULL, NULL);
  UPDATE runs SET ended_at_ms = 9, reason_code = 'exit-code', reason = 'Well.' WHERE id IN (2, 4);
  UPDATE runs SET user_exit_code = 0, output_tree = 'tree' WHERE id = 2;
  INSERT INTO attempts (run_id, number, agent_id, lease_token, started_at_ms, ended_at_ms, log_entries)
    VALUES (1, 1, 'a1', 'l1', 2, NULL, NULL), (2, 1, 'a1', 'l2', 2, 8, 5);
  INSERT INTO log_segments VALUES (2, 1, 0, 3, 'logs/a'), (2, 1, 3, 2, 'logs/b');
  INSERT INTO metrics (id, run_id, name, last_at_us) VALUES (1, 2, 'loss', 1);
  INSERT INTO metric_chunks VALUES (1, 1, 1, '[]');
`;

const BREAKS: Record<string, string> = {
  "ended-runs-are-final": "UPDATE runs SET ended_at_ms = NULL WHERE id = 4",
  "ended-runs-have-reasons": "UPDATE runs SET reason_code = '' WHERE id = 4",
  "statuses-are-passed": "UPDATE runs SET passed = '[\"running\"]' WHERE id = 3",
  "complete-runs-exited-with-0": "UPDATE runs SET user_exit_code = NULL WHERE id = 2",
  "killed-runs-have-no-outputs": "UPDATE runs SET output_tree = 'tree' WHERE id = 4",
  "outputs-are-recorded": "UPDATE runs SET output_tree = 'other' WHERE id = 2",
  "waiting-runs-hold-no-machine":
    "INSERT INTO attempts (run_id, number, agent_id, lease_token, started_at_ms) VALUES (3, 1, 'a1', 'x', 1)",
  "placed-runs-have-attempts": "UPDATE runs SET lease_token = 'other' WHERE id = 1",
  "one-attempt-at-a-time":
    "INSERT INTO attempts (run_id, number, agent_id, lease_token, started_at_ms) VALUES (2, 2, 'a1', 'x', 1)",
  "attempts-are-numbered": "UPDATE runs SET attempt = 2 WHERE id = 2",
  "held-by-known-agents": "UPDATE agents SET id = 'a2'",
  "logs-have-no-gaps": "UPDATE log_segments SET first_number = 4 WHERE first_number = 3",
  "logs-are-whole": "DELETE FROM log_segments WHERE first_number = 3",
  "workflows-have-masters": "UPDATE workflows SET managing_run_id = 2",
  "workers-have-workflows": "UPDATE runs SET workflow_id = 9 WHERE id = 3",
  "runs-have-searches": "UPDATE runs SET hyper_search_id = 9 WHERE id = 3",
  "owners-are-users": "UPDATE runs SET owner = 'bob' WHERE id = 3",
  "tokens-stand-for-somebody": "INSERT INTO tokens VALUES ('t3', 'agent', 'a9', 1)",
  "attempts-have-runs":
    "INSERT INTO attempts (run_id, number, agent_id, lease_token, started_at_ms, ended_at_ms) VALUES (9, 1, 'a1', 'x', 1, 2)",
  "notices-have-runs": "INSERT INTO notices (run_id, place, number, entry) VALUES (9, 'before', 0, '{}')",
  "segments-have-runs": "INSERT INTO log_segments VALUES (9, 1, 0, 1, 'logs/c')",
  "metrics-have-runs": "UPDATE metrics SET run_id = 9",
  "chunks-have-metrics": "INSERT INTO metric_chunks VALUES (9, 1, 1, '[]')",
  "no-blob-in-a-doomed-object": "INSERT INTO doomed_objects VALUES ('packs/a', 1)",
  "versions-have-models": "DELETE FROM models",
};

test("the table below has a break for each rule", () => {
  expect(Object.keys(BREAKS).sort()).toEqual(RECORD_RULES.map(({ rule }) => rule).sort());
});

test("each rule is broken, found and named", async () => {
  await using folder = await tempFolder("spell-rules-");
  const sound = join(folder.path, "sound.db");
  await openSqliteRunStore(sound).close();
  const made = new DatabaseSync(sound);
  made.exec(SOUND);
  made.close();
  for (const [rule, sql] of [["nothing", ""], ...Object.entries(BREAKS)] as [string, string][]) {
    const path = join(folder.path, `${rule}.db`);
    copyFileSync(sound, path);
    const file = new DatabaseSync(path);
    file.exec(sql);
    file.close();
    const store = openSqliteRunStore(path);
    const found = new Map<string, string[]>();
    for await (const checked of store.upkeep.check()) if (checked.broken > 0) found.set(checked.rule, checked.brokenBy);
    await store.close();
    if (rule === "nothing") expect([...found.keys()]).toEqual([]);
    else expect(found.get(rule), `${rule}, found: ${[...found.keys()].join(", ")}`).toHaveLength(1);
  }
});
