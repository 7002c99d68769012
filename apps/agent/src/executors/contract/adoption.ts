/** A run outlives the agent that started it; the next agent takes it over. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import type { Executor } from "../executor.ts";
import { executorBench, shapes, processesOf } from "./bench.ts";
import { startAndKillAgent } from "./kill-agent.ts";

export function describeAdoption({ executor, runsCommands }: { executor: Executor; runsCommands: boolean }): void {
  describe("every executor, adopting", () => {
    test("a folder in which nothing was started cannot be adopted, one in use cannot be started in", async () => {
      await using bench = await executorBench(executor);
      const spec = bench.spec("exit 3", { environment: { SPELL_DUMMY_EXIT_CODE: "3" } });
      expect(await executor.adopt(spec.attemptDir)).toBeUndefined();
      expect(await executor.adopt(join(bench.path, "nowhere"))).toBeUndefined();
      await (
        await bench.start(spec)
      ).exited;
      await expect(executor.start(spec)).rejects.toMatchObject({ code: "conflict" });
      const adopted = bench.keep(await executor.adopt(spec.attemptDir));
      expect(await adopted?.exited).toMatchObject({ exitCode: 3 });
    });

    test("a run whose agent was killed is adopted while it runs and ends with its own code", async () => {
      await using bench = await executorBench(executor);
      // A sandbox shares no writable folder with the machine, so a signal tells the command to end.
      const environment = { SPELL_DUMMY_RUN_MS: "1500", SPELL_DUMMY_EXIT_CODE: "5", SPELL_DUMMY_OUTPUT: "ready\n" };
      const spec = bench.spec("trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done", { environment });
      await startAndKillAgent(executor.name, spec);
      const adopted = bench.keep(await executor.adopt(spec.attemptDir));
      expect(adopted).toBeDefined();
      if (adopted === undefined) return;
      await adopted.started;
      expect(adopted.liveSpellPath()).toBeDefined();
      await waitFor("its output", () => readFileSync(adopted.spoolPath, "utf8").includes("ready"));
      if (runsCommands) await adopted.signal("SIGTERM");
      expect(await adopted.exited).toMatchObject({ exitCode: 5 });
      expect(processesOf(bench.path)).toEqual([]);
    });

    test("a run that ended while no agent lived is adopted with its code and files", async () => {
      await using bench = await executorBench(executor);
      const environment = {
        SPELL_DUMMY_RUN_MS: "150",
        SPELL_DUMMY_EXIT_CODE: "9",
        SPELL_DUMMY_WRITE: "proj/late.txt=x",
      };
      const spec = bench.spec("sleep 0.15; printf x > late.txt; exit 9", { environment });
      await startAndKillAgent(executor.name, spec);
      if (runsCommands) await waitFor("the end of the run", () => processesOf(bench.path).length === 0);
      const adopted = bench.keep(await executor.adopt(spec.attemptDir));
      expect(await adopted?.exited).toMatchObject({ exitCode: 9 });
      expect(shapes((await adopted?.written()) ?? [])).toEqual(["file proj/late.txt"]);
    });
  });
}
