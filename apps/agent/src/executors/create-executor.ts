/** Chooses an executor by name. */
import { DummyExecutor } from "./dummy.ts";
import type { Executor } from "./executor.ts";
import { ProcessExecutor } from "./process.ts";
import { SandboxExecutor } from "./sandbox.ts";

export type ExecutorName = "auto" | "sandbox" | "process" | "dummy";

/**
 * The executor of this name. `auto` is the sandbox on Linux and plain processes elsewhere. `scratchDir`: where the sandbox
 * tries itself out in `check`, best the agent's data folder; default: the system's temporary folder.
 */
export function createExecutor(name: ExecutorName, options: { scratchDir?: string } = {}): Executor {
  switch (name) {
    case "auto":
      return createExecutor(process.platform === "linux" ? "sandbox" : "process", options);
    case "sandbox":
      return new SandboxExecutor(options);
    case "process":
      return new ProcessExecutor();
    case "dummy":
      return new DummyExecutor();
  }
}
