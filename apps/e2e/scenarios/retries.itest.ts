/** Runs that are tried again: after an exit code that is listed, and on another machine when the first is gone. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunningCommand } from "@spell/testing";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { makeGate } from "../support/gate.ts";
import { pidsWith, processesWith } from "../support/processes.ts";
import { readLog, readRun, userLines } from "../support/records.ts";

let farm: Farm;
let code: string;

beforeAll(async () => {
  // Longer than the silence after which a machine is given nothing new: the lost one must not get the second attempt.
  farm = await Farm.start({ args: ["--cpu-slots", "2", "--lease-seconds", "13", "--expect-machine-type", "V100"] });
  code = join(farm.folder, "code");
  mkdirSync(code);
});

afterAll(() => farm[Symbol.asyncDispose]());

/** A second machine of the farm, with one V100. */
async function joinV100(name: string, more: readonly string[] = []): Promise<RunningCommand> {
  const token = await farm.spell(["agent", "token"]);
  const [, ...args] = token.stdout.trim().split(" ");
  const options = ["--data", join(farm.folder, name), "--name", name, "--machine-type", "V100", "--cpu-slots", "0"];
  const agent = farm.startSpell([...args, ...options, "--control-slots", "0", ...more]);
  await agent.sees("Connected as");
  return agent;
}

function signalAgent(name: string, signal: "SIGSTOP" | "SIGCONT"): void {
  // The command line and the agent; of its runs' processes none knows the token.
  const pids = pidsWith(join(farm.folder, name), "--token");
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, signal);
}

describe("a run that is tried again", { timeout: 120_000 }, () => {
  test("after an exit code that is listed: as often as said, with every attempt in its log and in what is known of it", async () => {
    const options = ["--retries", "2", "--retry-on", "3,4", "--retry-backoff", "0s"];
    const { stdout, exitCode } = await farm.spell(["run", ...options, "echo trying; exit 3"], { cwd: code });
    expect(exitCode).toBe(0);
    expect(stdout.match(/^trying$/gm)).toHaveLength(3);
    expect(stdout).toContain("Attempt 1 ended: The command exited with code 3; attempt 2 is next.");
    expect(stdout).toMatch(/💥 Run 1 failed: The command exited with code 3\.\n$/);
    expect(await readRun(farm.place, 1)).toMatchObject({ status: "failed", user_exit_code: 3, attempt: 3 });
    expect(userLines(await readLog(farm.place, 1))).toEqual(["trying", "trying", "trying"]);
    const info = (await farm.spell(["info", "1"])).stdout;
    expect(info).toContain("up to 2, on exit codes 3 and 4 too, backoff 0s,2,10m");
    expect(info.match(/[123] on \S+: failed after .*s\. The command exited with code 3\./g)).toHaveLength(3);
  });

  test("is killed while it waits, and whoever follows it hears of it", async () => {
    const options = ["--retries", "1", "--retry-on", "3", "--retry-backoff", "1h"];
    using followed = farm.startSpell(["run", ...options, "exit 3"], { cwd: code });
    await followed.sees("attempt 2 starts in 60 min");
    expect(await readRun(farm.place, 2)).toMatchObject({
      status: "machine_requested",
      user_exit_code: null,
      agent: "",
    });
    expect((await farm.spell(["kill", "2"])).exitCode).toBe(0);
    expect((await followed.done).stdout).toContain("Run 2 killed: Killed by");
  });

  test("when its machine is gone: on another one, once; the first lets go of it when it comes back", async () => {
    await using gate = await makeGate();
    using lost = await joinV100("lost");
    const command = `echo came; ${gate.pass}; echo went | tee out.txt`;
    using followed = farm.startSpell(["run", "-t", "V100", "--retries", "1", "--retry-backoff", "0s", command], {
      cwd: code,
    });
    await followed.sees("came\n");
    await gate.reached(1);
    signalAgent("lost", "SIGSTOP");
    let spare: RunningCommand | undefined;
    try {
      await followed.sees("Attempt 1 ended: Its agent was not heard", { timeoutMs: 60_000 });
      spare = await joinV100("spare");
      await gate.reached(2);
    } finally {
      signalAgent("lost", "SIGCONT");
    }
    using _spare = spare;
    await waitFor(
      "the first machine to let go of it",
      () => processesWith(join(farm.folder, "lost", "attempts")).length === 0,
    );
    gate.open();
    expect((await followed.done).stdout).toContain("Run 3 complete");
    expect(gate.visits()).toBe(2);
    expect(await readRun(farm.place, 3)).toMatchObject({ status: "complete", attempt: 2, agent: "spare" });
    expect((await followed.done).stdout.match(/^came$/gm)).toHaveLength(2);
    expect(userLines(await readLog(farm.place, 3)).slice(-2)).toEqual(["came", "went"]);
    for (const agent of [lost, spare]) agent.signal("SIGINT");
    await Promise.all([lost.done, spare.done]);
  });
});

describe("a run whose machine is taken away", { timeout: 120_000 }, () => {
  test("goes on in a new run with the files of the old one, from machine to machine", async () => {
    writeFileSync(join(code, "step.txt"), "0\n");
    const command = `n=$(cat step.txt); echo "from $n"; echo $((n + 1)) > step.txt; [ "$n" = 2 ] || sleep 1000`;
    const notice = (name: string): string => join(farm.folder, `${name} goes`);
    let machine = await joinV100("one", ["--reclaim-notice-file", notice("one")]);
    try {
      using cast = farm.startSpell(["run", "-b", "--json", "-t", "V100", "--auto-resume", command], { cwd: code });
      const { id: first } = JSON.parse((await cast.done).stdout) as { id: number };
      let id = first;
      for (const [step, name] of ["one", "two"].entries()) {
        using followed = farm.startSpell(["logs", "-f", String(id)]);
        await followed.sees(`from ${step}\n`);
        const next = await joinV100(step === 0 ? "two" : "three", [
          "--reclaim-notice-file",
          notice(step === 0 ? "two" : "three"),
        ]);
        writeFileSync(notice(name), "");
        expect((await followed.done).stdout).toContain(`Run ${id} interrupted`);
        machine.signal("SIGINT");
        await machine.done;
        machine = next;
        const info = JSON.parse((await farm.spell(["info", "--json", String(id)])).stdout) as Record<string, unknown>;
        expect(info).toMatchObject({ status: "interrupted", reason_code: "machine-reclaimed", auto_resume: true });
        const resumed = Number(info["resumed_as_run"]);
        const successor = JSON.parse((await farm.spell(["info", "--json", String(resumed)])).stdout) as unknown;
        expect(successor).toMatchObject({ resumed_from_run: id, command });
        id = resumed;
      }
      using last = farm.startSpell(["logs", "-f", String(id)]);
      expect((await last.done).stdout).toContain("from 2\n");
      expect(await readRun(farm.place, id)).toMatchObject({ status: "complete", agent: "three" });
      expect((await farm.spell(["info", String(first)])).stdout).toMatch(/^Resumed As Run {2}\d+$/m);
    } finally {
      machine.signal("SIGINT");
      await machine.done;
    }
  });
});
