/**
 * An executor for tests and load trials: starts nothing and does as its knobs say. Knobs stand in the environment, or in the
 * command as `NAME=value` words:
 *
 * - `SPELL_DUMMY_RUN_MS` how long it runs (0)
 * - `SPELL_DUMMY_EXIT_CODE` (0)
 * - `SPELL_DUMMY_START_FAILURE` the sentence of a failed start
 * - `SPELL_DUMMY_OUTPUT` what it prints
 * - `SPELL_DUMMY_WRITE` lines of `path=text`: files it writes below /spell
 * - `SPELL_DUMMY_IGNORE_TERM` any value: only SIGKILL ends it
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { conflict, isCleanRelativePath } from "@spell/domain";
import { checkSpec } from "./check-spec.ts";
import type { Execution, ExecutionSpec, Executor, ExitStatus, WrittenEntry } from "./executor.ts";
import { removeTree } from "./remove-tree.ts";
import { writtenEntries } from "./written-entries.ts";

interface DummyPlan {
  endsAtMs: number;
  exitCode: number;
  startFailure?: string;
  ignoresTerm: boolean;
  code?: string;
}

export class DummyExecutor implements Executor {
  readonly name = "dummy";

  check(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  start(spec: ExecutionSpec): Promise<Execution> {
    return Promise.resolve().then(() => startDummy(spec));
  }

  adopt(attemptDir: string): Promise<Execution | undefined> {
    const plan = readJson<DummyPlan>(join(attemptDir, "dummy", "plan.json"));
    return Promise.resolve(plan === undefined ? undefined : new DummyExecution(attemptDir, plan));
  }
}

function startDummy(spec: ExecutionSpec): Execution {
  checkSpec(spec);
  const folder = join(spec.attemptDir, "dummy");
  if (existsSync(join(folder, "plan.json")))
    throw conflict(`A run was already started in ${spec.attemptDir}. Adopt it.`);
  const knob = (name: string): string | undefined => knobOf(spec, `SPELL_DUMMY_${name}`);
  mkdirSync(join(folder, "spell"), { recursive: true });
  for (const line of (knob("WRITE") ?? "").split("\n")) {
    const [path = "", ...text] = line.split("=");
    if (!isCleanRelativePath(path)) continue;
    mkdirSync(join(folder, "spell", dirname(path)), { recursive: true });
    writeFileSync(join(folder, "spell", path), text.join("="));
  }
  const plan: DummyPlan = {
    endsAtMs: Date.now() + Number(knob("RUN_MS") ?? 0),
    exitCode: Number(knob("EXIT_CODE") ?? 0),
    startFailure: knob("START_FAILURE"),
    ignoresTerm: knob("IGNORE_TERM") !== undefined,
    code: spec.codeTree,
  };
  writeFileSync(join(folder, "plan.json"), JSON.stringify(plan));
  writeFileSync(join(spec.attemptDir, "output.log"), plan.startFailure === undefined ? (knob("OUTPUT") ?? "") : "", {
    flag: "a",
  });
  return new DummyExecution(spec.attemptDir, plan);
}

class DummyExecution implements Execution {
  readonly started = Promise.resolve();
  readonly exited: Promise<ExitStatus>;
  readonly spoolPath: string;
  readonly #folder: string;
  readonly #plan: DummyPlan;
  #end: ((status: ExitStatus) => void) | undefined;

  constructor(attemptDir: string, plan: DummyPlan) {
    this.#folder = join(attemptDir, "dummy");
    this.#plan = plan;
    this.spoolPath = join(attemptDir, "output.log");
    this.exited = new Promise((resolve) => {
      const earlier = readJson<ExitStatus>(this.#endPath());
      if (plan.startFailure !== undefined)
        return resolve({ startFailure: plan.startFailure, endedAtMs: plan.endsAtMs });
      if (earlier !== undefined) return resolve(earlier);
      const end: ExitStatus = { exitCode: plan.exitCode, endedAtMs: plan.endsAtMs };
      const timer = setTimeout(() => this.#end?.(end), Math.max(0, plan.endsAtMs - Date.now()));
      this.#end = (status) => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve(status);
      };
    });
  }

  async signal(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#end === undefined || (signal === "SIGTERM" && this.#plan.ignoresTerm)) return;
    const status = { exitCode: signal === "SIGTERM" ? 143 : 137, endedAtMs: Date.now() };
    writeFileSync(this.#endPath(), JSON.stringify(status));
    this.#end(status);
    await this.exited;
  }

  hasExited(): boolean {
    return this.#end === undefined;
  }

  liveSpellPath(): string | undefined {
    return this.#end === undefined ? undefined : join(this.#folder, "spell");
  }

  /** It only waits: there are none. */
  processes(): Promise<readonly number[]> {
    return Promise.resolve([]);
  }

  /** It uses nothing. */
  onNotice(): void {
    return undefined;
  }

  written(): Promise<WrittenEntry[]> {
    return writtenEntries({ folder: join(this.#folder, "spell"), code: this.#plan.code, mountPaths: [] });
  }

  async dispose(): Promise<void> {
    this.#end?.({ exitCode: 137, endedAtMs: Date.now() });
    await removeTree(this.#folder);
  }

  #endPath(): string {
    return join(this.#folder, "end.json");
  }
}

function knobOf(spec: ExecutionSpec, name: string): string | undefined {
  return spec.environment[name] ?? new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(spec.command)?.[1];
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}
