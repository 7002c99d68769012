/** What a command sees, and what it and its children leave behind. */
import { readFileSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import type { Executor } from "../executor.ts";
import { MARK_VARIABLE } from "../process/process-table.ts";
import { executorBench, processesOf } from "./bench.ts";

export function describeCommands(executor: Executor): void {
  describe("an executor of commands", () => {
    test("every byte of both streams is in the spool, in order", async () => {
      await using bench = await executorBench(executor);
      const { execution } = await bench.run(String.raw`printf 'a\0b\377\n'; printf 'err\n' >&2; printf end`);
      expect(await readFile(execution.spoolPath)).toEqual(Buffer.from("a\0b\xff\nerr\nend", "latin1"));
    });

    test("the command sees its environment and no other, standard input is empty", async () => {
      await using bench = await executorBench(executor);
      const environment = { PLAIN: "1", EQUALS: "a=b=c", LINES: "one\ntwo", UNICODE: "日本 ü", EMPTY: "" };
      const { output } = await bench.run("cat; env -0", { environment });
      const seen = Object.fromEntries(
        output
          .split("\0")
          .filter((entry) => entry !== "")
          .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
      );
      expect(seen).toMatchObject(environment);
      const shells = ["PWD", "SHLVL", "_", "OLDPWD", "PATH", MARK_VARIABLE];
      expect(Object.keys(seen).filter((name) => !(name in environment) && !shells.includes(name))).toEqual([]);
    });

    test("files are made with the usual mask", async () => {
      await using bench = await executorBench(executor);
      const mask = process.umask(0o077);
      try {
        expect((await bench.run("umask; touch f; stat -c %a f")).output).toBe("0022\n644\n");
      } finally {
        process.umask(mask);
      }
    });

    test("a command that dies of a signal is reported as a shell does", async () => {
      await using bench = await executorBench(executor);
      expect(await bench.run("kill -9 $$")).toMatchObject({ exitCode: 137 });
    });

    test("two runs on one tree do not see each other's changes, and the tree keeps none", async () => {
      await using bench = await executorBench(executor);
      const command = "echo $ME > mine; echo $ME >> train.py; rm lib/util.py; sleep 0.1; cat mine train.py; ls lib";
      const both = await Promise.all(["one", "two"].map((ME) => bench.run(command, { environment: { ME } })));
      expect(both.map((each) => each.output)).toEqual(["one\nprint(1)\none\n", "two\nprint(1)\ntwo\n"]);
      expect(readFileSync(join(bench.code, "proj/train.py"), "utf8")).toBe("print(1)\n");
      expect(readdirSync(join(bench.code, "proj")).sort()).toEqual(["data", "lib", "link.py", "train.py"]);
      expect(readdirSync(join(bench.code, "proj/lib"))).toEqual(["util.py"]);
    });

    test("a SIGTERM handler runs, and the whole tree hears of it", async () => {
      await using bench = await executorBench(executor);
      const child = "bash -c 'trap \"echo child; exit\" TERM; echo up; while :; do sleep 0.02; done'";
      const execution = await bench.start(bench.spec(`trap 'wait; echo parent; exit 4' TERM; ${child} & wait`));
      await waitFor("the child", () => readFileSync(execution.spoolPath, "utf8").includes("up"));
      await execution.signal("SIGTERM");
      expect(await execution.exited).toMatchObject({ exitCode: 4 });
      expect(readFileSync(execution.spoolPath, "utf8").replace(/Terminated.*\n?/g, "")).toBe("up\nchild\nparent\n");
    });

    test("what the command leaves running ends with it", async () => {
      await using bench = await executorBench(executor);
      // Of this test process alone: others run the same suite at the same time.
      const daemon = `sleep 63.${process.pid}`;
      const ended = await bench.run(`nohup ${daemon} > /dev/null 2>&1 & exit 2`);
      expect(ended.exitCode).toBe(2);
      expect(processesOf(daemon)).toEqual([]);
    });

    test("a working directory that is not there fails the start with a sentence", async () => {
      await using bench = await executorBench(executor);
      const ended = await bench.run("echo never", { workingDirectory: "/spell/proj/nope" });
      expect(ended.exitCode).toBeUndefined();
      expect(ended.startFailure).toMatch(/working directory \/spell\/proj\/nope cannot be entered.*no such/i);
      expect(ended.output).not.toContain("never");
      const adopted = bench.keep(await executor.adopt(ended.attemptDir));
      expect((await adopted?.exited)?.startFailure).toBe(ended.startFailure);
    });

    test.each([true, false])(
      "a mount point under a file fails the start with a sentence (file mount: %s)",
      async (isFile) => {
        await using bench = await executorBench(executor);
        const source = isFile ? join(bench.code, "proj/train.py") : bench.code;
        const mounts = [{ path: "/spell/proj/train.py/x", isFile, source }];
        const ended = await bench.run("echo never", { mounts });
        expect(ended.startFailure).toMatch(/^Cannot mount at \/spell\/proj\/train.py\/x: /);
        expect(ended.output).not.toContain("never");
      },
    );

    test("a command longer than the system takes fails the start with a sentence", async () => {
      await using bench = await executorBench(executor);
      const ended = await bench.run(`: ${"x".repeat(200_000)}`);
      expect(ended.startFailure).toMatch(/could not be started|too long/);
    });
  });
}
