/** Mounts are private to a run, whatever lies in their place. */
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Executor } from "../executor.ts";
import { executorBench, writeTree } from "./bench.ts";

export function describeMounts(executor: Executor): void {
  describe("an executor of commands", () => {
    test("mounts below the code: private, writable, covering what is there, never outputs, source untouched", async () => {
      await using bench = await executorBench(executor);
      const source = join(bench.path, "source");
      writeTree(source, { "a.txt": "A", "keep/b.txt": "B" });
      writeFileSync(join(bench.path, "one.txt"), "ONE");
      await chmod(join(bench.path, "one.txt"), 0o640);
      const mounts = [
        { path: "/spell/proj/data", isFile: false, source },
        { path: "/spell/proj/in/deep/dir", isFile: false, source },
        { path: "/spell/proj/train.py", isFile: true, source: join(bench.path, "one.txt") },
        { path: "/spell/proj/in/deep/one.txt", isFile: true, source: join(bench.path, "one.txt") },
        { path: "/spell/proj/data/keep/one.txt", isFile: true, source: join(bench.path, "one.txt") },
      ];
      const command = [
        "set -e; cat data/a.txt data/keep/b.txt in/deep/dir/a.txt train.py in/deep/one.txt data/keep/one.txt; ls data",
        "echo more >> data/a.txt; rm in/deep/dir/a.txt; echo new > data/new.txt; mv in/deep/dir/keep/b.txt in/deep/dir/c.txt",
        "echo more >> train.py; chmod 777 train.py; : > data/keep/one.txt; cat data/keep/one.txt",
        "rm in/deep/one.txt; echo over > tmpfile; mv tmpfile train.py; cat train.py data/a.txt",
      ].join("; ");
      const ended = await bench.run(command, { mounts });
      expect(ended.output).toBe("ABAONEONEONEa.txt\nkeep\nover\nAmore\n");
      expect(ended.exitCode).toBe(0);
      expect(await ended.execution.written()).toEqual([]);
      expect(readdirSync(source).sort()).toEqual(["a.txt", "keep"]);
      expect(readFileSync(join(source, "a.txt"), "utf8")).toBe("A");
      expect(readdirSync(join(source, "keep"))).toEqual(["b.txt"]);
      expect(readFileSync(join(bench.path, "one.txt"), "utf8")).toBe("ONE");
      expect(statSync(join(bench.path, "one.txt")).mode & 0o777).toBe(0o640);
    });
  });
}
