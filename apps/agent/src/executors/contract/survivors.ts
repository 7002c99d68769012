/** Nothing of a run survives it, wherever it tries to hide. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import type { Executor } from "../executor.ts";
import { executorBench, processesOf } from "./bench.ts";
import { startAndKillAgent } from "./kill-agent.ts";

/** Of this test process alone: others run the same suite at the same time. */
const mark = (number: number): string => `${number}.${process.pid}`;

/** Ways to get away; each ends as a `sleep` with the mark. */
const WAYS: readonly [string, (sleep: string) => string][] = [
  ["two forks", (sleep) => `(setsid bash -c '(${sleep} & disown) & disown' &)`],
  ["nohup in a session of its own", (sleep) => `setsid nohup ${sleep} > /dev/null 2>&1 &`],
  ["stopped", (sleep) => `setsid bash -c 'kill -STOP $$; ${sleep}' &`],
  ["deaf to signals", (sleep) => `setsid bash -c 'trap "" TERM HUP INT; ${sleep}; ${sleep}' &`],
];

export function describeSurvivors({ executor, byKernel }: { executor: Executor; byKernel: boolean }): void {
  const ways: typeof WAYS = byKernel
    ? [...WAYS, ["without its environment", (sleep) => `(setsid env -i PATH="$PATH" ${sleep} &)`]]
    : WAYS;
  describe(byKernel ? "nothing survives, with control groups" : "nothing survives, without control groups", () => {
    test.each(["SIGKILL", "the command's own end", "a later agent's SIGKILL"])("%s", async (end) => {
      await using bench = await executorBench(executor);
      const started = ways.map(([, way], index) => way(`sleep ${mark(700 + index)}`)).join("\n");
      const isOwn = end === "the command's own end";
      const last = isOwn ? "sleep 0.3; exit 4" : "trap '' TERM; echo up; while :; do sleep 0.05; done";
      const spec = bench.spec(`${started}\n${last}`);
      const isLater = end.startsWith("a later");
      if (isLater) await startAndKillAgent(executor.name, spec, { byKernel });
      const execution = isLater ? bench.keep(await executor.adopt(spec.attemptDir)) : await bench.start(spec);
      if (!isOwn) {
        await waitFor("the command", () => readFileSync(join(spec.attemptDir, "output.log"), "utf8").includes("up"));
        await waitFor("all ways", () => ways.every((_way, index) => processesOf(mark(700 + index)).length > 0));
        await execution?.signal("SIGKILL");
      }
      expect(await execution?.exited).toMatchObject({ exitCode: isOwn ? 4 : 137 });
      // The kernel may still be at work on the last of them when the first process is seen to be gone.
      const left = (): string[] =>
        ways.filter((_way, index) => processesOf(mark(700 + index)).length > 0).map(([way]) => way);
      await waitFor("all to be gone", () => left().length === 0 || undefined, { timeoutMs: 2_000 }).catch(
        () => undefined,
      );
      expect(left()).toEqual([]);
    });

    test("SIGTERM reaches a tree that forks meanwhile, and who is stopped", async () => {
      await using bench = await executorBench(executor);
      const grows = `trap 'exit 0' TERM; for i in $(seq 200); do sleep ${mark(720)} & sleep 0.01; done; wait`;
      const stopped = `bash -c 'trap "echo heard; exit" TERM; echo up; kill -STOP $$; sleep ${mark(721)}' &`;
      const execution = await bench.start(bench.spec(`${stopped}\n${grows}`));
      const said = (): string => readFileSync(execution.spoolPath, "utf8");
      await waitFor("the tree", () => said().includes("up") && processesOf(mark(720)).length > 20);
      await execution.signal("SIGTERM");
      expect(await execution.exited).toMatchObject({ exitCode: 0 });
      expect(said()).toContain("heard");
      expect(processesOf(mark(720)).concat(processesOf(mark(721)))).toEqual([]);
    });
  });
}
