/** How a run ends, whoever ends it, and that nothing of it stays. */
import { readFileSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { ExecutionSpec, Executor } from "../executor.ts";
import { executorBench, processesOf } from "./bench.ts";

export function describeEnds(executor: Executor): void {
  describe("every executor", () => {
    test.each([0, 7])("an exit code is reported as it is: %i", async (code) => {
      await using bench = await executorBench(executor);
      const before = Date.now();
      const status = await bench.run(`exit ${code}`, { environment: { SPELL_DUMMY_EXIT_CODE: String(code) } });
      expect(status).toMatchObject({ exitCode: code });
      expect(status.startFailure).toBeUndefined();
      expect(status.endedAtMs).toBeGreaterThanOrEqual(before - 1_000);
      expect(status.endedAtMs).toBeLessThanOrEqual(Date.now());
    });

    test("output lands in the spool, files in what was written", async () => {
      await using bench = await executorBench(executor);
      const environment = { SPELL_DUMMY_OUTPUT: "hello", SPELL_DUMMY_WRITE: "proj/out/a.txt=one" };
      const ended = await bench.run("printf hello; mkdir out; printf one > out/a.txt", { environment });
      expect(ended.output).toBe("hello");
      const [entry, ...others] = await ended.execution.written();
      expect(others).toEqual([]);
      expect(entry).toMatchObject({ kind: "file", path: "proj/out/a.txt", sizeBytes: 3, executable: false });
      expect(await readFile(entry?.source ?? "", "utf8")).toBe("one");
    });

    test.each([
      ["SIGTERM", 143],
      ["SIGKILL", 137],
    ] as const)("%s ends a run that does not listen for it with %i", async (signal, code) => {
      await using bench = await executorBench(executor);
      // Not `exec`: bash can lose a signal that comes between the end of its handler and the new program.
      const execution = await bench.start(
        bench.spec("sleep 60; true", { environment: { SPELL_DUMMY_RUN_MS: "60000" } }),
      );
      await execution.started;
      expect(execution.liveSpellPath()).toBeDefined();
      expect(execution.hasExited()).toBe(false);
      await execution.signal(signal);
      expect(await execution.exited).toMatchObject({ exitCode: code });
      expect(execution.hasExited()).toBe(true);
      expect(execution.liveSpellPath()).toBeUndefined();
      await execution.signal("SIGTERM");
      await execution.signal("SIGKILL");
    });

    test("SIGKILL straight after the start leaves nothing behind", async () => {
      await using bench = await executorBench(executor);
      const execution = await bench.start(
        bench.spec("exec sleep 61", { environment: { SPELL_DUMMY_RUN_MS: "60000" } }),
      );
      await execution.signal("SIGKILL");
      expect(await execution.exited).toMatchObject({ exitCode: 137 });
    });

    test("dispose ends the run, empties the attempt's folder but for the spool, and may be repeated", async () => {
      await using bench = await executorBench(executor);
      const spec = bench.spec("exec sleep 62", { environment: { SPELL_DUMMY_RUN_MS: "60000" } });
      const execution = await bench.start(spec);
      await execution.started;
      await execution.dispose();
      await execution.dispose();
      expect(await execution.exited).toMatchObject({ exitCode: 137 });
      expect(readdirSync(spec.attemptDir)).toEqual(["output.log"]);
      expect(await executor.adopt(spec.attemptDir)).toBeUndefined();
      expect(processesOf(bench.path)).toEqual([]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bench.path);
    });

    test.each([
      ["a mount that is not absolute", { mounts: [{ path: "data", isFile: false, source: "/tmp" }] }],
      ["a mount with ..", { mounts: [{ path: "/data/../etc", isFile: false, source: "/tmp" }] }],
      ["a mount over /proc", { mounts: [{ path: "/proc/sys", isFile: false, source: "/tmp" }] }],
      ["a mount over the root", { mounts: [{ path: "/", isFile: false, source: "/tmp" }] }],
      ["NUL in a variable", { environment: { A: "x\0y" } }],
      ["= in a name", { environment: { "A=B": "x" } }],
      ["a relative working directory", { workingDirectory: "proj" }],
    ] satisfies [string, Partial<ExecutionSpec>][])("%s is refused", async (_what, more) => {
      await using bench = await executorBench(executor);
      await expect(executor.start(bench.spec("true", more))).rejects.toMatchObject({ code: "invalid-input" });
    });
  });
}
