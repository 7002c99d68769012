/** What every executor promises, as tests: each driver's own test file runs this suite against it. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { chmod, readFile, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempFolder, toolPath, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import type { Execution, ExecutionSpec, Executor, WrittenEntry } from "./executor.ts";

export interface ContractSubject {
  create: () => Executor;
  /** Whether commands really run; otherwise only the knobs of the dummy are obeyed. */
  runsCommands: boolean;
}

const CODE = {
  "proj/train.py": "print(1)\n",
  "proj/lib/util.py": "pass\n",
  "proj/data/kept.csv": "2,3\n",
  "proj/data/old.csv": "1,2\n",
};

/** A folder of one test, with code to run on and folders for attempts; ends and disposes what was started in it. */
export async function executorBench(executor: Executor) {
  const folder = await tempFolder("spell-executor-");
  const code = join(folder.path, "code");
  const executions: Execution[] = [];
  writeTree(code, CODE);
  // As the cache has them.
  for (const file of Object.keys(CODE)) chmodSync(join(code, file), 0o444);
  await symlink("train.py", join(code, "proj/link.py"));
  let attempts = 0;
  const spec = (command: string, more: Partial<ExecutionSpec> = {}): ExecutionSpec => {
    attempts += 1;
    const attemptDir = join(folder.path, `attempt-${attempts}`);
    mkdirSync(attemptDir);
    return {
      attemptDir,
      command,
      codeTree: code,
      workingDirectory: "/spell/proj",
      mounts: [],
      extras: [],
      hidden: [],
      ...more,
      environment: { PATH: "/usr/local/bin:/usr/bin:/bin", ...more.environment },
    };
  };
  const keep = <E extends Execution | undefined>(execution: E): E => {
    if (execution !== undefined) executions.push(execution);
    return execution;
  };
  const start = async (asked: ExecutionSpec): Promise<Execution> => keep(await executor.start(asked));
  /** Starts, waits for the end, and gives everything there is to see. */
  const run = async (command: string, more: Partial<ExecutionSpec> = {}) => {
    const asked = spec(command, more);
    const execution = await start(asked);
    const status = await execution.exited;
    return { ...status, attemptDir: asked.attemptDir, execution, output: readFileSync(execution.spoolPath, "utf8") };
  };
  return {
    path: folder.path,
    code,
    spec,
    start,
    keep,
    run,
    async [Symbol.asyncDispose]() {
      for (const execution of executions) await execution.dispose();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Writes files of text below a folder. */
export function writeTree(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Paths with their kinds, for comparing. */
function shapes(entries: readonly WrittenEntry[]): string[] {
  return entries.map((entry) => `${entry.kind} ${entry.path}`);
}

export function executorContract(subject: ContractSubject): void {
  const executor = subject.create();

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
      await execution.signal(signal);
      expect(await execution.exited).toMatchObject({ exitCode: code });
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
      if (subject.runsCommands) await adopted.signal("SIGTERM");
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
      if (subject.runsCommands) await waitFor("the end of the run", () => processesOf(bench.path).length === 0);
      const adopted = bench.keep(await executor.adopt(spec.attemptDir));
      expect(await adopted?.exited).toMatchObject({ exitCode: 9 });
      expect(shapes((await adopted?.written()) ?? [])).toEqual(["file proj/late.txt"]);
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

  if (!subject.runsCommands) return;

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
      const shells = ["PWD", "SHLVL", "_", "OLDPWD", "PATH"];
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

/** Command lines of living processes that name `text`, ours excluded. */
export function processesOf(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return line.includes(text) ? [line] : [];
      } catch {
        return [];
      }
    });
}

/** Starts a run in an agent of its own and kills that with SIGKILL as soon as the command runs. */
async function startAndKillAgent(name: Executor["name"], spec: ExecutionSpec): Promise<void> {
  const helper = fileURLToPath(new URL("contract-helper.ts", import.meta.url));
  const agent = spawn(process.execPath, [helper, name, toolPath("bwrap"), JSON.stringify(spec)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    let said = "";
    agent.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    agent.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await waitFor("the agent to start the run", () => {
      if (agent.exitCode !== null) throw new Error(said);
      return said.includes("started");
    });
  } finally {
    const gone = new Promise((resolve) => agent.once("exit", resolve));
    agent.kill("SIGKILL");
    if (agent.exitCode === null && agent.signalCode === null) await gone;
  }
  expect(existsSync(spec.attemptDir)).toBe(true);
}
