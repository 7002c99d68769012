/** What a test of an executor stands on: a folder with code, attempts in it, and a look at what they left. */
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tempFolder } from "@spell/testing";
import type { Execution, ExecutionSpec, Executor, WrittenEntry } from "../executor.ts";

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
export function shapes(entries: readonly WrittenEntry[]): string[] {
  return entries.map((entry) => `${entry.kind} ${entry.path}`);
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
