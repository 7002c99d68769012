/** Fills the record of a farm that is not up with runs, as years of use would. */
import { join } from "node:path";
import type { NewRun, RunStore } from "@spell/run-store";
import { openSqliteRunStore } from "@spell/run-store/sqlite";

const AT_ONCE = 1_000;

/** Most have ended; the others wait for a V100. */
export async function fillRecord(dataFolder: string, counts: { ended: number; waiting: number }): Promise<void> {
  const store = openSqliteRunStore(join(dataFolder, "coordinator", "record.db"));
  try {
    const owner = (await store.accounts.listUsers())[0]?.name;
    if (owner === undefined) throw new Error("the record has no user");
    for (let left = counts.ended; left > 0; left -= AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, () => addEnded(store, owner)));
    }
    for (let left = counts.waiting; left > 0; left -= AT_ONCE) {
      await Promise.all(
        Array.from({ length: Math.min(left, AT_ONCE) }, () => store.createRun(newRun(owner, "V100"), "")),
      );
    }
  } finally {
    await store.close();
  }
}

async function addEnded(store: RunStore, owner: string): Promise<void> {
  const { run } = await store.createRun(newRun(owner, "CPU"), "");
  const atMs = Date.now();
  const attempt = { number: 1, agentId: "an agent of old", leaseToken: `${run.id}`, slots: [0], atMs };
  const running = await store.updateRun(run.id, run.version, { status: "running", startedAtMs: atMs, attempt });
  if (running === undefined) throw new Error(`run ${run.id} was changed by somebody else`);
  const end = { reasonCode: "exit-code", reason: "The command exited with code 0.", userExitCode: 0, endedAtMs: atMs };
  await store.updateRun(run.id, running.version, { status: "complete", ...end, attemptEnd: { logEntries: 0, atMs } });
}

function newRun(owner: string, machineType: string): NewRun {
  return {
    ...{ owner, runType: "user", labels: [], requestHash: "", createdAtMs: Date.now(), notices: [] },
    spec: {
      ...{ command: "python train.py --epochs 100", machineType, codeTree: "", codeRoot: "", cwd: "" },
      ...{ environment: { SEED: "1" }, mounts: [], description: "", commitLabel: "", gitCommit: "", params: {} },
      ...{ stopConditions: [], githubUrl: "", githubRef: "" },
    },
  };
}
