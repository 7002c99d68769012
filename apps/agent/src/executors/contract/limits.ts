/** A run gets no more than its limits allow, with the reason said, whoever keeps them and whichever agent is there. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import type { Execution, Executor } from "../executor.ts";
import { executorBench, processesOf } from "./bench.ts";
import { startAndKillAgent } from "./kill-agent.ts";

export interface LimitSubject {
  executor: Executor;
  /** Whether control groups keep the limits, or the agent by looking. */
  byKernel: boolean;
}

const MIB = 2 ** 20;
/** Takes as much memory, and holds it. */
const eats = (mib: number): string => `python3 -c 'import time; x = bytearray(${mib} << 20); time.sleep(60)'`;
/** Of this test process alone: others run the same suite at the same time. */
const mark = (number: number): string => `${number}.${process.pid}`;

export function describeLimits({ executor, byKernel }: LimitSubject): void {
  describe(byKernel ? "limits that the kernel keeps" : "limits that the agent keeps by looking", () => {
    test("more memory than allowed ends the run, and is named", async () => {
      await using bench = await executorBench(executor);
      const ended = await bench.run(eats(200), { limits: { memoryBytes: 64 * MIB } });
      expect(ended.exitCode).toBe(137);
      expect(ended.limit?.code).toBe("out-of-memory");
      expect(ended.limit?.sentence).toMatch(
        byKernel ? /the 64 MiB of memory.*used up to 64 MiB/ : /more than the 64 MiB/,
      );
      const again = bench.keep(await executor.adopt(ended.attemptDir));
      expect((await again?.exited)?.limit).toEqual(ended.limit);
    });

    test("more on the disk than allowed ends the run, and is named", async () => {
      await using bench = await executorBench(executor);
      const ended = await bench.run("head -c 8000000 /dev/zero > big; sleep 60", { limits: { diskBytes: 4 * MIB } });
      expect(ended.exitCode).toBe(137);
      expect(ended.limit).toMatchObject({ code: "disk-quota", sentence: expect.stringMatching(/4 MiB/) as string });
    });

    test("a run within its limits hears nothing of them", async () => {
      await using bench = await executorBench(executor);
      const limits = { memoryBytes: 256 * MIB, processes: 100, diskBytes: 100 * MIB };
      const ended = await bench.run("echo x > y; sleep 0.1; exit 3", { limits });
      expect(ended.exitCode).toBe(3);
      expect(ended.limit).toBeUndefined();
      expect(noticesOf(ended.execution)).toEqual([]);
    });

    test("more processes than allowed", async () => {
      await using bench = await executorBench(executor);
      // Nothing that doubles: where the kernel does not keep the limit it would take the whole machine before it is seen.
      const many = `for i in $(seq 100); do setsid sleep ${mark(640)} & done; sleep ${mark(640)}`;
      const execution = await bench.start(bench.spec(many, { limits: { processes: 60 } }));
      if (byKernel) {
        await waitFor("the notice", () => noticesOf(execution).some((text) => text.includes("limit of 60 processes")));
        expect((await execution.processes()).length).toBeLessThanOrEqual(60);
        await execution.signal("SIGKILL");
      }
      const { exitCode, limit } = await execution.exited;
      expect([exitCode, limit?.code]).toEqual([137, byKernel ? undefined : "too-many-processes"]);
      expect(processesOf(mark(640))).toEqual([]);
    });

    test("an adopted run is limited as it was, and its control group goes with it", async () => {
      await using bench = await executorBench(executor);
      // What it starts then is deaf to a signal that is still on its way to whoever is new.
      const command = `trap 'GO=1' TERM; echo ready; until [ -n "$GO" ]; do sleep 0.02; done; trap '' TERM; ${eats(200)}`;
      const spec = bench.spec(command, { limits: { memoryBytes: 64 * MIB, processes: 100 } });
      await startAndKillAgent(executor.name, spec, { byKernel });
      const adopted = bench.keep(await executor.adopt(spec.attemptDir));
      await waitFor("the trap", () => readFileSync(join(spec.attemptDir, "output.log"), "utf8").includes("ready"));
      const groups = groupsOf(spec.attemptDir);
      expect(groups.every((folder) => existsSync(folder))).toBe(true);
      expect(groups.length > 0).toBe(byKernel);
      await adopted?.signal("SIGTERM");
      expect(await adopted?.exited).toMatchObject({ exitCode: 137, limit: { code: "out-of-memory" } });
      await adopted?.dispose();
      expect(groups.filter((folder) => existsSync(folder))).toEqual([]);
      expect(readdirSync(spec.attemptDir)).toEqual(["output.log"]);
    });

    if (!byKernel) return;

    test("what doubles without end is bounded, and gone when it is killed", async () => {
      await using bench = await executorBench(executor);
      // Were nothing to bound it, it would still end: eleven times doubled, and each of them gone after a minute.
      const bomb = `trap '' TERM; bomb() { sleep ${mark(61)} & [ $1 = 0 ] || { bomb $(($1 - 1)) | bomb $(($1 - 1)) & }; }; bomb 11; sleep ${mark(61)}`;
      const execution = await bench.start(bench.spec(bomb, { limits: { processes: 300 } }));
      await waitFor("the notice", () => noticesOf(execution).some((text) => text.includes("limit of 300 processes")));
      expect((await execution.processes()).length).toBeLessThanOrEqual(300);
      await execution.signal("SIGTERM");
      await execution.signal("SIGKILL");
      expect(await execution.exited).toMatchObject({ exitCode: 137 });
      expect(processesOf(mark(61))).toEqual([]);
    });

    test("a command that goes on without the process that was ended for want of memory is no failure", async () => {
      await using bench = await executorBench(executor);
      const ended = await bench.run(`${eats(200)}; echo $?`, { limits: { memoryBytes: 64 * MIB } });
      expect(ended.exitCode).toBe(0);
      expect(ended.limit).toBeUndefined();
      expect(ended.output).toMatch(/137\n$/);
      expect(noticesOf(ended.execution)).toEqual([expect.stringMatching(/64 MiB of memory.*\(out-of-memory\)/)]);
    });
  });
}

/** What was said of it so far. */
function noticesOf(execution: Execution): string[] {
  const notices: string[] = [];
  execution.onNotice((text) => notices.push(text));
  return notices;
}

/** As the executor has written down for a later agent. */
function groupsOf(attemptDir: string): readonly string[] {
  const [folder = ""] = readdirSync(attemptDir).filter((name) => existsSync(join(attemptDir, name, "run.json")));
  const record = JSON.parse(readFileSync(join(attemptDir, folder, "run.json"), "utf8")) as {
    cgroup?: { folders: string[] };
  };
  return record.cgroup?.folders ?? [];
}
