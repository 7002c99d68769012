/** Agents on their own: away from their coordinator, restarted, rebooted and removed, while runs are under way. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, waitFor } from "@spell/testing";
import type { RunningCommand } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { makeGate } from "../support/gate.ts";
import { processIdsWith } from "../support/processes.ts";
import { readLog, readRun, userLines } from "../support/records.ts";
import { startSpell } from "../support/spell.ts";

interface AgentFarm extends AsyncDisposable {
  farm: Farm;
  /** Starts the agent of a folder, behind a prefix if one is given. */
  start(folder: string, options?: { token?: string; enter?: readonly string[] }): RunningCommand;
  /** The same with a new join token, until it is connected. */
  join(folder: string, enter?: readonly string[]): Promise<RunningCommand>;
  /** kill -9 of the agent itself. */
  kill(folder: string): void;
}

/** A farm on ports that it keeps, whose own agent takes nothing. */
async function openFarm(): Promise<AgentFarm> {
  const ports = await Promise.all(
    ["--grpc-port", "--http-port", "--nats-port"].map(async (flag) => [flag, `${await freePort()}`]),
  );
  const farm = await Farm.start({ args: [...ports.flat(), "--cpu-slots", "0"] });
  const folders = new Set<string>();
  const start: AgentFarm["start"] = (folder, { token, enter } = {}) => {
    folders.add(folder);
    const coordinator = `127.0.0.1:${ports[0]?.[1] ?? ""}`;
    const options = [
      "--coordinator",
      coordinator,
      "--data",
      join(farm.folder, folder),
      "--name",
      "box",
      "--cpu-slots",
      "4",
    ];
    const more = token === undefined ? [] : ["--token", token];
    return startSpell({ ...farm.place, enter }, ["agent", "start", ...options, ...more]);
  };
  const kill = (folder: string): void => {
    const [pid = ""] = readFileSync(join(farm.folder, folder, "agent.pid"), "utf8").split(" ");
    process.kill(Number(pid), "SIGKILL");
  };
  const join_: AgentFarm["join"] = async (folder, enter) => {
    const token = (await farm.spell(["agent", "token", "--quiet"])).stdout.trim();
    const agent = start(folder, { token, enter });
    await agent.sees("Connected as");
    return agent;
  };
  const dispose = async (): Promise<void> => {
    for (const pid of processIdsWith(farm.folder)) killIfThere(pid);
    await farm[Symbol.asyncDispose]();
  };
  return { farm, start, join: join_, kill, [Symbol.asyncDispose]: dispose };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** A word that only the processes of one run carry. */
let words = 0;
const newWord = (): string => `word-${process.pid}-${(words += 1)}`;
const untilGone = (word: string) => waitFor(`the end of ${word}`, () => processIdsWith(word).length === 0);

describe("an agent whose coordinator is away", { timeout: 180_000 }, () => {
  test("goes on, is restarted, and delivers all of what ended meanwhile", async () => {
    await using gate = await makeGate();
    await using on = await openFarm();
    const { farm } = on;
    await on.join("box");
    using client = farm.client();
    const [counting, waiting] = [newWord(), newWord()];
    const count = `for i in $(seq 1 100); do echo line $i; sleep 0.02; done | tee lines.txt; exit 3`;
    const first = await client.runs.create({ command: `: ${counting}; ${count}` });
    const second = await client.runs.create({
      command: `: ${waiting}; echo before; ${gate.pass}; echo after | tee out.txt`,
    });
    for (const run of [first, second]) await run.waitStatus("running");
    await gate.reached(1);
    await farm.killAll();
    await untilGone(counting);
    on.kill("box");
    gate.open();
    await untilGone(waiting);
    const agent = on.start("box");
    await farm.up();
    await agent.sees("Connected as", { timeoutMs: 30_000 });
    for (const run of [first, second]) await run.waitStatus("complete", "failed", "interrupted");
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index + 1}`);
    expect(await readRun(farm.place, first.id)).toMatchObject({ status: "failed", user_exit_code: 3, attempt: 1 });
    expect(userLines(await readLog(farm.place, first.id))).toEqual(lines);
    expect(await readRun(farm.place, second.id)).toMatchObject({ status: "complete", user_exit_code: 0, attempt: 1 });
    expect(userLines(await readLog(farm.place, second.id))).toEqual(["before", "after"]);
    for (const [id, file] of [
      [first.id, "lines.txt"],
      [second.id, "out.txt"],
    ] as const) {
      const listed = await farm.spell(["ls", `runs/${id}`]);
      expect(listed.stdout).toContain(file);
    }
  });
});

describe("an agent that is removed", { timeout: 180_000 }, () => {
  test("kills its runs and ends, connected or not; with a new token its machine joins again", async () => {
    await using on = await openFarm();
    const { farm } = on;
    using client = farm.client();
    const removed = "This agent was removed from the farm by its operator. To let this machine join again";
    for (const isConnected of [true, false]) {
      let agent = await on.join("box");
      const word = newWord();
      const run = await client.runs.create({ command: `: ${word}; sleep 600` });
      await run.waitStatus("running");
      if (!isConnected) {
        on.kill("box");
        await agent.done;
      }
      const answer = await farm.spell(["agent", "remove", "box", "--force"]);
      expect(answer).toMatchObject({ exitCode: 0, stdout: "Removed box from the farm; 1 run interrupted.\n" });
      if (!isConnected) agent = on.start("box");
      expect(await agent.done).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(removed) });
      expect(processIdsWith(word)).toEqual([]);
      expect(readdirSync(join(farm.folder, "box", "attempts"))).toEqual([]);
      expect(await readRun(farm.place, run.id)).toMatchObject({ status: "interrupted", reason_code: "agent-removed" });
      const again = await on.start("box").done;
      expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("has not joined yet") });
    }
  });
});

/** Only root may put another file in the place of the machine's boot id, for the processes behind the prefix alone. */
const isRoot = process.getuid?.() === 0;
function booted(bootId: string): readonly string[] {
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, bootId];
}

describe.skipIf(!isRoot)("a machine that is restarted", { timeout: 180_000 }, () => {
  test("ends its attempts as interrupted, or they are tried again where the run says so", async () => {
    await using on = await openFarm();
    const { farm } = on;
    const boots = ["11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"].map((id) => {
      const path = join(farm.folder, id);
      writeFileSync(path, `${id}\n`);
      return path;
    });
    await on.join("box", booted(boots[0] ?? ""));
    using client = farm.client();
    const word = newWord();
    const command = `: ${word}; echo here; sleep 600`;
    const once = await client.runs.create({ command });
    const twice = await client.runs.create({ command, retry: { limit: 1, firstPauseMs: 0 } });
    for (const run of [once, twice]) await run.waitStatus("running");
    on.kill("box");
    for (const pid of processIdsWith(word)) killIfThere(pid);
    await untilGone(word);
    on.start("box", { enter: booted(boots[1] ?? "") });
    await once.waitStatus("interrupted");
    expect(await readRun(farm.place, once.id)).toMatchObject({
      ...{ reason_code: "machine-rebooted", reason: "The machine was restarted while the run was on it." },
    });
    expect(userLines(await readLog(farm.place, once.id))).toEqual(["here"]);
    await waitFor("the second attempt to run", async () => {
      const { attempt, status } = await readRun(farm.place, twice.id);
      return attempt === 2 && status === "running";
    });
    await twice.kill();
  });
});
