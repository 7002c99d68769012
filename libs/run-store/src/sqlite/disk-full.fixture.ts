/** Run by disk-full.itest.ts in a folder on a small file system: fills it, makes room, prints what happened as JSON. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SpellError } from "@spell/domain";
import { sampleRun, sampleSpec, sampleTrees } from "../contract/samples.ts";
import { openSqliteRunStore } from "./sqlite-run-store.ts";

const folder = process.argv[2] ?? "";
const ballast = join(folder, "ballast");
writeFileSync(ballast, Buffer.alloc(1_500_000));
const store = openSqliteRunStore(join(folder, "record.db"));
await store.addBlobs(sampleTrees());
const promised: number[] = [];
const errors: unknown[] = [];

async function create(): Promise<void> {
  try {
    const { run } = await store.createRun(sampleRun({ spec: sampleSpec({ command: "x".repeat(20_000) }) }), "");
    promised.push(run.id);
  } catch (error) {
    const known = error instanceof SpellError;
    errors.push(known ? { code: error.code, reason: error.reason, message: error.message } : String(error));
  }
}

for (let round = 0; round < 100 && errors.length < 6; round += 1) await Promise.all([create(), create(), create()]);
const beforeRoom = promised.length;
const readable = (await store.findRun(1))?.id;
rmSync(ballast);
await Promise.all([create(), create()]);
const afterRoom = promised.length;
await store.close();

const reopened = openSqliteRunStore(join(folder, "record.db"));
const kept = await reopened.listRuns({ owner: "ann", pageSize: 10_000 });
await reopened.close();
const ids = kept.map((run) => run.id).sort((left, right) => left - right);
process.stdout.write(JSON.stringify({ errors, beforeRoom, readable, afterRoom, promised, ids }));
