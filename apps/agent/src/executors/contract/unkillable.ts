/**
 * A process that not even SIGKILL ends, as one is that waits inside of the kernel for a device. The freezer of control groups makes one
 * that acts the same: who is frozen by its first version does not hear of SIGKILL until somebody thaws it.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import type { Executor } from "../executor.ts";
import type { PatienceWithKilled } from "../limits/last-wait.ts";
import { executorBench } from "./bench.ts";

/** Freezes processes until it is disposed of; undefined where this machine lets us freeze none in this way. */
function freezer():
  { freeze(pid: number): Promise<void>; thaw(): Promise<void>; [Symbol.asyncDispose](): Promise<void> } | undefined {
  const folder = `/sys/fs/cgroup/freezer/spell-test-${process.pid}-${Date.now()}`;
  try {
    mkdirSync(folder);
  } catch {
    return undefined;
  }
  const state = join(folder, "freezer.state");
  const thaw = async (): Promise<void> => {
    writeFileSync(state, "THAWED");
    await waitFor("the thaw", () => readFileSync(state, "utf8") === "THAWED\n");
  };
  return {
    freeze: async (pid) => {
      writeFileSync(join(folder, "cgroup.procs"), String(pid));
      writeFileSync(state, "FROZEN");
      await waitFor("the frost", () => readFileSync(state, "utf8") === "FROZEN\n");
    },
    thaw,
    [Symbol.asyncDispose]: async () => {
      await thaw();
      await waitFor("the freezer to be empty", () => readFileSync(join(folder, "cgroup.procs"), "utf8") === "");
      rmdirSync(folder);
    },
  };
}

export function describeUnkillable(create: (patience: PatienceWithKilled) => Executor): void {
  /** Starts a run, and freezes the `sleep` in it. */
  const frozen = async (ice: NonNullable<ReturnType<typeof freezer>>, patience: PatienceWithKilled) => {
    const bench = await executorBench(create(patience));
    const execution = await bench.start(bench.spec("sleep 64.5; true"));
    const notices: string[] = [];
    execution.onNotice((text) => notices.push(text));
    const sleeper = async (): Promise<number | undefined> =>
      (await execution.processes()).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep"));
    await waitFor("the command", async () => (await sleeper()) !== undefined);
    await ice.freeze((await sleeper()) ?? 0);
    return { bench, execution, notices, pid: await sleeper() };
  };

  describe("a process that cannot be ended", () => {
    test("is told to the user, and the run ends when it is gone", async () => {
      await using ice = freezer();
      if (ice === undefined) return;
      const { bench, execution, notices, pid } = await frozen(ice, { sayAfterMs: 100, giveUpAfterMs: 60_000 });
      await using _ = bench;
      await execution.signal("SIGKILL");
      await waitFor("the notice", () => notices.length > 0);
      expect(notices).toEqual([expect.stringContaining(`SIGKILL does not end process ${pid} (sleep)`)]);
      await ice.thaw();
      const status = await execution.exited;
      expect([status.exitCode, status.left]).toEqual([137, undefined]);
    });

    test("is left behind in the end, and named", async () => {
      await using ice = freezer();
      if (ice === undefined) return;
      const { bench, execution, notices, pid } = await frozen(ice, { sayAfterMs: 50, giveUpAfterMs: 400 });
      await using _ = bench;
      await execution.signal("SIGKILL");
      const { exitCode, left } = await execution.exited;
      expect(exitCode).toBe(137);
      expect(left).toContain(pid);
      await waitFor("both notices", () => notices.length === 2);
      expect(notices[1]).toMatch(new RegExp(`restarted: process ${pid} \\(sleep\\) cannot be ended`));
    });
  });
}
