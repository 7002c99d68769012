/** Chooses an executor by name. */
import type { Cgroups } from "../cgroups/cgroup.ts";
import { DummyExecutor } from "./dummy.ts";
import type { Executor } from "./executor.ts";
import { ProcessExecutor } from "./process.ts";
import { findBwrap } from "./sandbox/find-bwrap.ts";
import { SandboxExecutor } from "./sandbox.ts";

export type ExecutorName = "auto" | "sandbox" | "process" | "dummy";

export interface ExecutorOptions {
  /** The agent's environment: `SPELL_BWRAP` and `PATH` say where bwrap is. */
  environment: NodeJS.ProcessEnv;
  /** Where the sandbox tries itself out in `check`, best the agent's data folder. Default: the system's temporary folder. */
  scratchDir?: string;
  /** Undefined: limits are kept by looking on. */
  cgroups?: Cgroups;
}

/** The executor of this name. `auto` is the sandbox on Linux and plain processes elsewhere. */
export function createExecutor(name: ExecutorName, options: ExecutorOptions): Executor {
  switch (name) {
    case "auto":
      return createExecutor(process.platform === "linux" ? "sandbox" : "process", options);
    case "sandbox":
      return new SandboxExecutor({ ...options, bwrap: findBwrap(options.environment) });
    case "process":
      return new ProcessExecutor(options);
    case "dummy":
      return new DummyExecutor();
  }
}
