/** The machine's own limit: the sandbox that a run gets, started without Spell around it, and bwrap at its plainest. */
import { spawn } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createExecutor } from "../apps/agent/src/executors/create-executor.ts";
import type { ExecutionMount, Executor } from "../apps/agent/src/executors/executor.ts";
import { removeTree } from "../apps/agent/src/executors/remove-tree.ts";
import { findBwrap } from "../apps/agent/src/executors/sandbox/find-bwrap.ts";
import { runEnvironment, sdkFolders } from "../apps/agent/src/run-environment.ts";
import type { Farm } from "./farm.ts";

export interface BareRun {
  output: string;
  /** When its end was known, on the monotonic clock. */
  endedAt: number;
  /** Where the first file that it wrote lies. Gone once disposed of. */
  writtenFile?: string;
  dispose(): Promise<void>;
}

export class BareSandbox {
  readonly #executor: Executor;
  readonly #folder: string;
  readonly #hidden: string[];
  #count = 0;

  /** `folder` must lie on the file system that holds the farm's data. */
  constructor(farm: Farm, folder: string) {
    this.#executor = createExecutor("sandbox", { environment: process.env, scratchDir: folder });
    this.#folder = folder;
    this.#hidden = [farm.dataFolder, join(homedir(), ".spell")];
  }

  /** Runs a command with everything that an agent puts around one. Throws when it fails. */
  async run(command: string, mounts: readonly ExecutionMount[] = []): Promise<BareRun> {
    this.#count += 1;
    const attemptDir = join(this.#folder, `bare-${this.#count}`);
    await mkdir(attemptDir, { recursive: true });
    const execution = await this.#executor.start({
      ...{ attemptDir, command, mounts, hidden: this.#hidden, extras: sdkFolders() },
      workingDirectory: "/spell",
      environment: runEnvironment({ machine: process.env, user: {}, isolated: true }),
    });
    const { exitCode, startFailure } = await execution.exited;
    const endedAt = performance.now();
    if (exitCode !== 0) throw new Error(`the bare sandbox failed: ${startFailure ?? `exit code ${exitCode}`}`);
    const [written] = await execution.written();
    return {
      ...{ endedAt, writtenFile: written?.source },
      output: await readFile(execution.spoolPath, "utf8"),
      dispose: async () => {
        await execution.dispose();
        await removeTree(attemptDir);
      },
    };
  }
}

/** Starts `true` in the plainest sandbox there is, without overlays, and waits for its end. */
export function plainBwrap(): Promise<void> {
  const program = findBwrap(process.env);
  if (program === undefined) throw new Error("bwrap is not installed: run `npm run setup` once");
  const options = ["--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"];
  const child = spawn(program, [...options, "--", "/bin/true"], { stdio: "ignore" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`bwrap ended with ${code}`));
    });
  });
}
