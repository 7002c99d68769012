/** How runs end: by themselves, stopped, killed, left behind by their reader; what is kept and what survives. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { makeGate } from "../support/gate.ts";
import { processesWith } from "../support/processes.ts";
import { listRuns, readLog, readRun, userLines } from "../support/records.ts";
import type { RunJson } from "../support/records.ts";
import { run } from "../support/run.ts";

let farm: Farm;
let code: string;

beforeAll(async () => {
  const args = ["--cpu-slots", "6", "--stop-grace-seconds", "2", "--expect-machine-type", "V100"];
  farm = await Farm.start({ args });
  code = join(farm.folder, "code");
  mkdirSync(code);
});

afterAll(() => farm[Symbol.asyncDispose]());

/** Waits for signals for ever. */
const LISTEN = "while :; do sleep 0.05; done";

async function ended(id: number): Promise<RunJson> {
  return waitFor(`the end of run ${id}`, async () => {
    const found = await readRun(farm.place, id);
    return found.reason_code === "" ? undefined : found;
  });
}

/** The id of the run that a command line has cast. */
function idOf(stdout: string): number {
  return Number(/Casting spell #(\d+)…/.exec(stdout)?.[1]);
}

async function contentsOf(id: number): Promise<string> {
  return (await run(farm, code, "-m", `runs/${id}:/data/outputs`, "cd /data/outputs; grep -r '' . | sort")).output;
}

describe("by itself", () => {
  test("with a code other than 0: failed, outputs kept, and `spell run` exits 0 all the same", async () => {
    const { id, stdout } = await run(farm, code, "echo kept > out.txt; exit 3");
    expect(stdout).toMatch(
      new RegExp(`💥 Total run time: .*s\\n💥 Run ${id} failed: The command exited with code 3\\.\\n$`),
    );
    expect(await readRun(farm.place, id)).toMatchObject({
      ...{ status: "failed", user_exit_code: 3, reason_code: "exit-code", reason: "The command exited with code 3." },
    });
    expect((await farm.spell(["ps", "-n", "1"])).stdout).toContain("Failed (3)");
    expect(await contentsOf(id)).toBe("./out.txt:kept\n");
  });

  test("by a signal: failed, and the signal is named", async () => {
    const { id, stdout } = await run(farm, code, "echo kept > out.txt; kill -SEGV $$");
    expect(stdout).toMatch(/💥 Run \d+ failed: The command was ended by signal 11 \(SIGSEGV\)\.\n$/);
    expect(await readRun(farm.place, id)).toMatchObject({
      ...{ status: "failed", user_exit_code: 139, reason_code: "signal" },
    });
    expect(await contentsOf(id)).toBe("./out.txt:kept\n");
  });
});

describe("stopped", () => {
  test("every process hears of it and may finish; outputs are kept", async () => {
    const heard = (name: string, then: string): string =>
      `trap "echo ${name} heard it; ${then}" TERM; echo ${name} is up`;
    const command = [
      `bash -c '${heard("child", "exit")}; ${LISTEN}' &`,
      `setsid bash -c '${heard("daemon", "exit")}; ${LISTEN}' &`,
      `${heard("parent", "wait; echo saved > out.txt; exit 5")}; ${LISTEN}`,
    ].join("\n");
    using following = farm.startSpell(["run", command], { cwd: code });
    for (const name of ["child", "daemon", "parent"]) await following.sees(`${name} is up\n`);
    const id = idOf(following.stdout());
    expect(await farm.spell(["stop", String(id)])).toEqual({
      ...{ exitCode: 0, stderr: "" },
      stdout: `Stopping run ${id}. Use 'spell logs -f ${id}' to view logs while the job finishes.\n`,
    });
    const { exitCode, stdout } = await following.done;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("💫 Run is stopping\n");
    expect(stdout.match(/^\w+ heard it$/gm)?.sort()).toEqual(["child heard it", "daemon heard it", "parent heard it"]);
    expect(stdout).toMatch(/✋ Run \d+ stopped: Stopped by \w+\.\n$/);
    expect(await readRun(farm.place, id)).toMatchObject({
      ...{ status: "stopped", user_exit_code: 5, reason_code: "stopped-by" },
    });
    expect(await contentsOf(id)).toBe("./out.txt:saved\n");
  });

  test("one that does not listen is ended after the grace; what it had written is kept", async () => {
    using following = farm.startSpell(["run", "trap '' TERM; echo early > out.txt; echo deaf; sleep 600"], {
      cwd: code,
    });
    await following.sees("deaf\n");
    const id = idOf(following.stdout());
    await farm.spell(["stop", String(id)]);
    expect((await following.done).stdout).toMatch(/✋ Run \d+ stopped: Stopped by \w+\.\n$/);
    expect(await readRun(farm.place, id)).toMatchObject({ status: "stopped", user_exit_code: 137 });
    expect(await contentsOf(id)).toBe("./out.txt:early\n");
  });

  test("one that waits for a machine is cancelled, and never runs", async () => {
    const { stdout } = await farm.spell(["run", "-b", "-t", "V100", "echo ran > out.txt"], { cwd: code });
    const id = idOf(stdout);
    expect(await farm.spell(["stop", String(id)])).toMatchObject({ exitCode: 0 });
    expect(await readRun(farm.place, id)).toMatchObject({
      ...{ status: "killed", user_exit_code: null, reason_code: "cancelled-before-start", attempt: 0 },
    });
    expect(userLines(await readLog(farm.place, id, { follow: true }))).toEqual([]);
  });
});

test("killed: nothing is saved and nothing survives, however it has hidden", async () => {
  const marker = `ending-${process.pid}`;
  const command = [
    "echo lost > out.txt; trap '' TERM HUP",
    "nohup sleep 601 > nohup.txt 2>&1 &",
    "setsid sleep 602 &",
    "(setsid bash -c 'sleep 603 & sleep 604' &)",
    `python -c 'import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); print("hidden", flush=True); time.sleep(605)'`,
    "echo ready; exec sleep 606",
  ].join("\n");
  using following = farm.startSpell(["run", "-e", `MARKER=${marker}`, command], { cwd: code });
  // Not with its end of line: a Python that does not buffer writes that by itself, and another line may come between.
  await following.sees("hidden");
  await following.sees("ready\n");
  const id = idOf(following.stdout());
  const inTheRun = (): string[] => processesWith(marker).filter((line) => !line.includes("spell"));
  await waitFor("all of them", () => inTheRun().filter((line) => /60\d/.test(line)).length >= 6);
  expect(await farm.spell(["kill", String(id)])).toEqual({ exitCode: 0, stderr: "", stdout: `${id}\n` });
  expect((await following.done).stdout).toMatch(/💀 Run \d+ killed: Killed by \w+\.\n$/);
  expect(processesWith(marker)).toEqual([]);
  expect(await readRun(farm.place, id)).toMatchObject({ status: "killed", reason_code: "killed-by", output_tree: "" });
  const mounting = await farm.spell(["run", "-m", `runs/${id}/out.txt:x`, "true"], { cwd: code });
  expect(mounting.stderr).toContain(`run ${id} wrote no files`);
});

test("^C while following only turns away: the run goes on to its end", async () => {
  await using gate = await makeGate();
  using following = farm.startSpell(["run", `echo before; ${gate.pass}; echo after`], { cwd: code });
  await following.sees("before\n");
  await gate.reached(1);
  const id = idOf(following.stdout());
  following.signal("SIGINT");
  const { exitCode, stdout } = await following.done;
  expect(exitCode).toBe(0);
  expect(stdout).toContain(
    [
      "before\n\n✨ Your run is still running remotely.",
      `✨ Use 'spell kill ${id}' to terminate your run`,
      `✨ Use 'spell logs ${id}' to view logs again\n`,
    ].join("\n"),
  );
  expect(await readRun(farm.place, id)).toMatchObject({ status: "running" });
  gate.open();
  expect(userLines(await readLog(farm.place, id, { follow: true }))).toEqual(["before", "after"]);
  expect(await readRun(farm.place, id)).toMatchObject({ status: "complete", user_exit_code: 0 });
});

describe("a workflow", () => {
  /** A master with two workers at the gate and one that waits for a machine. Gives the numbers of the four runs. */
  const start = async (
    gate: { pass: string; reached(count: number): Promise<void> },
    then: string,
  ): Promise<number[]> => {
    const worker = `echo begun > out.txt; ${gate.pass}; echo done`;
    const script = `
import sys, spell.client
client = spell.client.from_environment()
for machine_type in ("CPU", "CPU", "V100"):
    client.runs.new(command=${JSON.stringify(worker)}, machine_type=machine_type)
print("launched", flush=True)
${then}
`;
    writeFileSync(join(code, "master.py"), script);
    using following = farm.startSpell(["workflow", "python master.py"], { cwd: code });
    await following.sees("launched\n");
    await gate.reached(2);
    expect(processesWith(gate.pass).length).toBeGreaterThan(0);
    const master = Number(/Following workflow at run (\d+)\./.exec(following.stdout())?.[1]);
    return [0, 1, 2, 3].map((next) => master + next);
  };
  const lastWorkflow = async (verb: "stop" | "kill", id: number) => farm.spell(["workflow", verb, String(id)]);
  const statusesOf = async (ids: number[]): Promise<string[]> =>
    (await listRuns(farm.place)).filter(({ id }) => ids.includes(id)).map(({ status }) => status);

  test("stopped: master and workers end stopped with their outputs, what waited is cancelled", async () => {
    await using gate = await makeGate();
    const ids = await start(gate, "import time; time.sleep(600)");
    expect(await lastWorkflow("stop", 1)).toEqual({ exitCode: 0, stderr: "", stdout: "Stopping workflow 1.\n" });
    await Promise.all(ids.map(ended));
    expect(await statusesOf(ids)).toEqual(["stopped", "stopped", "stopped", "killed"]);
    expect(await contentsOf(ids[1] ?? 0)).toBe("./out.txt:begun\n");
    expect(await lastWorkflow("stop", 1)).toMatchObject({ exitCode: 1, stderr: "Workflow 1 has already ended.\n" });
  });

  test("killed: master and workers end killed, nothing of them is left", async () => {
    await using gate = await makeGate();
    const ids = await start(gate, "import time; time.sleep(600)");
    expect(await lastWorkflow("kill", 2)).toEqual({ exitCode: 0, stderr: "", stdout: "Killing workflow 2.\n" });
    await Promise.all(ids.map(ended));
    expect(await statusesOf(ids)).toEqual(["killed", "killed", "killed", "killed"]);
    expect(processesWith(gate.pass)).toEqual([]);
    expect(
      (await listRuns(farm.place)).filter(({ id, output_tree }) => ids.includes(id) && output_tree !== ""),
    ).toEqual([]);
  });

  test("stopped while its master makes workers from many threads: none gets away, and the master is told", async () => {
    const script = `
import signal, threading, spell.client
signal.signal(signal.SIGTERM, lambda *_: None)
client = spell.client.from_environment()
def make():
    try:
        while True:
            run = client.runs.new(command="sleep 600", machine_type="V100")
            print(f"made {run.id}\\n", end="", flush=True)
    except Exception as error:
        print(f"refused: {error}\\n", end="", flush=True)
threads = [threading.Thread(target=make) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
`;
    writeFileSync(join(code, "many.py"), script);
    using following = farm.startSpell(["workflow", "python many.py"], { cwd: code });
    const workflow = await waitFor("workers", () =>
      (following.stdout().match(/^made/gm) ?? []).length < 5
        ? undefined
        : /Casting workflow #(\d+)/.exec(following.stdout())?.[1],
    );
    expect(await lastWorkflow("stop", Number(workflow))).toMatchObject({ exitCode: 0, stderr: "" });
    const { stdout } = await following.done;
    const made = [...stdout.matchAll(/^made (\d+)$/gm)].map(([, id]) => Number(id));
    expect(
      stdout.match(/^refused: .*Workflow \d+ was stopped by \w+: no run is added to it any more\./gm),
    ).toHaveLength(4);
    const runs = (await listRuns(farm.place)).filter(({ id }) => id >= Math.min(...made));
    expect(runs.map(({ id }) => id)).toEqual(made.sort((left, right) => left - right));
    expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(["killed"]));
  });

  test("whose master fails leaves its workers as they are", async () => {
    await using gate = await makeGate();
    const ids = await start(gate, "sys.exit(4)");
    const [master = 0, first = 0, second = 0, waiting = 0] = ids;
    expect(await ended(master)).toMatchObject({ status: "failed", user_exit_code: 4 });
    expect(await statusesOf(ids)).toEqual(["failed", "running", "running", "machine_requested"]);
    gate.open();
    for (const id of [first, second]) {
      expect(await ended(id)).toMatchObject({ status: "complete" });
      expect(userLines(await readLog(farm.place, id))).toEqual(["done"]);
    }
    await farm.spell(["kill", String(waiting)]);
  });
});
