/** Which of the files that a command changed count as written. */
import { describe, expect, test } from "vitest";
import type { Executor } from "../executor.ts";
import { executorBench, shapes } from "./bench.ts";

export function describeWritten(executor: Executor): void {
  describe("an executor of commands", () => {
    test("what counts as written", async () => {
      await using bench = await executorBench(executor);
      const command = [
        "echo 1 > new.txt; echo 2 >> train.py", // new, modified
        "mkdir -p deep/er empty/in; echo 3 > deep/er/x; echo 4 > ../beside.txt", // sub-folders, beside the code's root
        "rm data/old.csv", // deletions are no outputs
        "ln -s new.txt s; touch -h link.py; mkfifo pipe; echo t > tool; chmod 750 tool",
        "touch lib/util.py", // copied up by the overlay, yet unchanged
      ].join("; ");
      const ended = await bench.run(command);
      expect(ended.exitCode).toBe(0);
      const written = await ended.execution.written();
      expect(shapes(written)).toEqual([
        "file beside.txt",
        "file proj/deep/er/x",
        "directory proj/empty/in",
        "file proj/new.txt",
        "fifo proj/pipe",
        "symlink proj/s",
        "file proj/tool",
        "file proj/train.py",
      ]);
      expect(written.find((entry) => entry.path === "proj/tool")?.executable).toBe(true);
      expect(written.find((entry) => entry.path === "proj/s")?.target).toBe("new.txt");
    });

    test("a changed executable bit counts as written, and so do same-sized other bytes, but no other bit of the mode", async () => {
      await using bench = await executorBench(executor);
      const ended = await bench.run(
        "chmod +x train.py; chmod 600 data/kept.csv; printf 'fail\\n' > lib/util.py; mv data/old.csv data/new.csv",
      );
      expect(shapes(await ended.execution.written())).toEqual([
        "file proj/data/new.csv",
        "file proj/lib/util.py",
        "file proj/train.py",
      ]);
    });

    test("names that are no UTF-8 are reported, and what has them is left out", async () => {
      await using bench = await executorBench(executor);
      const ended = await bench.run(
        String.raw`printf x > "$(printf 'b\377d')"; printf y > "$(printf 'b\376d')"; mkdir "$(printf 'd\377')"; touch ok`,
      );
      expect(shapes(await ended.execution.written())).toEqual([
        "bad-name proj/b\ufffdd",
        "bad-name proj/b\ufffdd",
        "bad-name proj/d\ufffd",
        "file proj/ok",
      ]);
    });

    test.each([
      [
        "a folder of the code under another name",
        "mv data data2",
        ["file proj/data2/kept.csv", "file proj/data2/old.csv"],
      ],
      ["a folder put in the place of another", "rm -r lib; mkdir lib; echo 1 > lib/new", ["file proj/lib/new"]],
      ["a folder that was emptied", "rm data/*", []],
      ["a file in the place of a folder", "rm -r lib; echo 1 > lib", ["file proj/lib"]],
      ["a folder in the place of a file", "rm train.py; mkdir train.py; echo 1 > train.py/x", ["file proj/train.py/x"]],
      ["an empty folder in the place of a file", "rm train.py; mkdir train.py", ["directory proj/train.py"]],
      ["a link in the place of a file", "rm train.py; ln -s lib/util.py train.py", ["symlink proj/train.py"]],
      ["the same file twice", "echo 1 > a; ln a b; : > none", ["file proj/a", "file proj/b", "file proj/none"]],
      ["deleted and written again as it was", "cp train.py t; rm train.py; mv t train.py", []],
    ])("what counts as written: %s", async (_what, command, shapesExpected) => {
      await using bench = await executorBench(executor);
      const ended = await bench.run(`set -e; ${command}`);
      expect([ended.output, ended.exitCode]).toEqual(["", 0]);
      expect(shapes(await ended.execution.written())).toEqual(shapesExpected);
    });
  });
}
