/** kill -9 of each part while runs are under way: they go on, complete once, and their logs have every line once. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfigurationFile } from "@spell/sdk";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import type { Part } from "../support/farm.ts";
import { listRuns, readLog, readRun, userLines } from "../support/records.ts";
import { makeTutorialProject, missingTutorial } from "../support/tutorial.ts";

const COUNT = 200;
/** About five seconds; what it wrote is its output. */
const counting = `for i in $(seq 1 ${COUNT}); do echo line $i; sleep 0.02; done | tee lines.txt`;
const counted = Array.from({ length: COUNT }, (_, index) => `line ${index + 1}`);

const master = `
import spell.client
client = spell.client.from_environment()
run = client.runs.new(command=${JSON.stringify(counting)})
print("launched", run.id)
run.wait_status(*client.runs.FINAL)
run.refresh()
print("it is", run.status, run.user_exit_code)
last = client.runs.new(command="tail -n 1 lines.txt", attached_resources={f"runs/{run.id}/lines.txt": "lines.txt"})
last.wait_status(client.runs.COMPLETE)
for line in last.logs(follow=True):
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
`;

/** Starts a run and a workflow, kills a part in the middle of both, and looks at what came of them. */
async function killInTheMiddle(part: Exclude<Part, "up">): Promise<void> {
  let code = "";
  await using farm = await Farm.start((folder) => {
    code = join(folder, "code");
    mkdirSync(code);
    writeFileSync(join(code, "master.py"), master);
    return {};
  });
  using followed = farm.startSpell(["run", counting], { cwd: code });
  await followed.sees("line 20\n");
  using workflow = farm.startSpell(["workflow", "python master.py"], { cwd: code });
  await workflow.sees("launched 3\n");
  using reader = farm.startSpell(["logs", "-f", "3"]);
  await reader.sees("line 20\n");

  await farm.killAndWait(part);

  const runResult = await followed.done;
  expect(runResult.exitCode, runResult.stderr).toBe(0);
  expect(runResult.stdout.match(/^line \d+$/gm)).toEqual(counted);
  expect(runResult.stdout).toContain("🎉 Run 1 complete");
  const workflowResult = await workflow.done;
  expect(workflowResult.stdout).toContain(`launched 3\nit is complete 0\nline ${COUNT}\n`);
  expect((await reader.done).stdout.match(/^line \d+$/gm)).toEqual(counted);
  const runs = await listRuns(farm.place);
  expect(runs.map(({ id, status, user_exit_code, attempt }) => [id, status, user_exit_code, attempt])).toEqual(
    [1, 2, 3, 4].map((id) => [id, "complete", 0, 1]),
  );
  expect(userLines(await readLog(farm.place, 1))).toEqual(counted);
  expect(userLines(await readLog(farm.place, 3))).toEqual(counted);
  expect(farm.said()).toContain(`The ${part} ended unexpectedly (SIGKILL); starting it again.`);
}

describe("killed while runs and their readers are under way", { timeout: 90_000 }, () => {
  test.each(["agent", "coordinator", "nats-server"] as const)(
    "the %s: nothing is lost and nothing doubled",
    killInTheMiddle,
  );

  test("all parts, again and again, at moments of no choice", async () => {
    await using farm = await Farm.start({ args: ["--cpu-slots", "4"] });
    using client = farm.client();
    const runs = [];
    for (let index = 0; index < 24; index++) {
      const command = `for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done; echo ${index} > out.txt; exit ${index % 3}`;
      runs.push(await client.runs.create({ command }));
    }
    const parts = ["agent", "coordinator", "agent", "nats-server", "coordinator", "agent"] as const;
    for (const part of parts) {
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 600));
      await farm.killAndWait(part);
    }
    for (const [index, run] of runs.entries()) {
      await run.waitStatus("complete", "failed");
      expect([run.status, run.userExitCode, run.record.attempt]).toEqual([
        index % 3 === 0 ? "complete" : "failed",
        index % 3,
        1,
      ]);
      const log = await readLog(farm.place, run.id);
      expect(userLines(log)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
      for (const phase of ["building", "running", "saving", "pushing"]) {
        expect(log.filter((line) => line.log === `Run is ${phase}`)).toHaveLength(1);
      }
      expect(run.record.outputTree).not.toBe("");
    }
  });
});

describe("the coordinator killed while it ends many runs", { timeout: 90_000 }, () => {
  test("each is either killed or as it was, and asking again ends the rest", async () => {
    await using farm = await Farm.start({ args: ["--expect-machine-type", "V100"] });
    using client = farm.client();
    const ids: number[] = [];
    while (ids.length < 1_600) {
      const create = () => client.runs.create({ command: "true", machineType: "V100" });
      ids.push(...(await Promise.all(Array.from({ length: 100 }, create))).map(({ id }) => id));
    }
    ids.sort((one, other) => one - other);
    const { api_url: url, token, user_name: owner = "" } = readConfigurationFile(farm.configuration);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const killAll = (): Promise<Response> => {
      const body = JSON.stringify({ run_ids: ids });
      return fetch(`${url}/v1/runs/${owner}/kill_batch`, { method: "POST", headers, body });
    };
    const first = client.runs.get(ids[0] ?? 0);
    const asked = killAll().catch(() => undefined);
    const run = await first;
    await waitFor("the first to be killed", async () => (await run.refresh()).status === "killed", { everyMs: 1 });
    await farm.killAndWait("coordinator");
    await asked;
    const found = await client.runs.list({ number: 10_000 });
    const killed = found.filter(({ status }) => status === "killed").map(({ id }) => id);
    expect(killed.sort((one, other) => one - other)).toEqual(ids.slice(0, killed.length));
    expect(killed.length).toBeGreaterThan(0);
    const waiting = found.filter(({ status }) => status === "machine_requested").map(({ id }) => id);
    expect(waiting.sort((one, other) => one - other)).toEqual(ids.slice(killed.length));
    expect(await (await killAll()).json()).toEqual({
      successful_run_ids: waiting,
      failed_run_ids: [],
      non_existent_run_ids: [],
      final_state_run_ids: killed,
    });
  });
});

describe.skipIf(missingTutorial !== undefined)(
  "the agent killed while a network is trained",
  { timeout: 90_000 },
  () => {
    test("the training goes on and is adopted; its model can be used", async () => {
      let network = "";
      await using farm = await Farm.start((folder) => {
        const made = makeTutorialProject(folder, { trainSeconds: 8 });
        network = join(made.folder, "char-rnn-tensorflow");
        return { path: [made.bin] };
      });
      const url = "https://www.gutenberg.org/files/2600/2600-0.txt";
      await farm.spell(["run", `wget -O input.txt ${url}`], { cwd: network });
      using training = farm.startSpell(
        ["run", "-m", "runs/1/input.txt:/data/input.txt", "python train.py --data_dir=/data"],
        { cwd: network },
      );
      await waitFor("a few reports", () => reports(training.stdout()).length >= 3);
      await farm.killAndWait("agent");
      expect((await training.done).exitCode).toBe(0);
      expect(await readRun(farm.place, 2)).toMatchObject({ status: "complete", attempt: 1 });
      const steps = reports(training.stdout());
      expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
      expect(steps.length).toBeGreaterThan(5);
      expect(reports(userLines(await readLog(farm.place, 2)).join("\n"))).toEqual(steps);
      const sampled = await farm.spell(["run", "-m", "runs/2/save:save", "python sample.py --length 100"], {
        cwd: network,
      });
      expect(sampled.stdout).toContain("🎉 Run 3 complete");
    });
  },
);

/** The steps that train.py reported, in the order of the log. */
function reports(output: string): number[] {
  return [...output.matchAll(/^step +(\d+)/gm)].map((match) => Number(match[1]));
}
