/** Run by the sandbox's tests as an ordinary user: checks, runs one command, and prints all there is to see as JSON. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { findCgroups } from "../cgroups/find.ts";
import type { ExecutionSpec } from "./executor.ts";
import { SandboxExecutor } from "./sandbox.ts";

export interface UserReport {
  /** The sentence, when this machine lets no ordinary user make a sandbox. */
  problem?: string;
  exitCode?: number;
  startFailure?: string;
  limit?: string;
  /** Which kind of control groups that user may make. */
  cgroups?: number;
  output: string;
  written: string[];
  /** What the attempt's folder holds after `dispose`. */
  left: string[];
}

const [bwrap, text] = process.argv.slice(2);
const spec = JSON.parse(text ?? "{}") as ExecutionSpec;
const { cgroups } = findCgroups();
const executor = new SandboxExecutor({ bwrap, scratchDir: spec.attemptDir, cgroups });
const problem = await executor.check();
let report: UserReport = { problem, output: "", written: [], left: [] };
if (problem === undefined) {
  const execution = await executor.start(spec);
  const { exitCode, startFailure, limit } = await execution.exited;
  const output = existsSync(execution.spoolPath) ? readFileSync(execution.spoolPath, "utf8") : "";
  const written = (await execution.written()).map((entry) => entry.path);
  await execution.dispose();
  report = {
    exitCode,
    startFailure,
    limit: limit?.code,
    cgroups: cgroups?.version,
    output,
    written,
    left: readdirSync(spec.attemptDir),
  };
}
process.stdout.write(JSON.stringify(report));
