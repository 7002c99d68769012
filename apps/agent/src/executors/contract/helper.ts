/**
 * Run by the contract suite in a process of its own: starts an execution, says so, and stays to be killed. The fourth argument says
 * who keeps the limits. With a fifth it kills itself that many milliseconds after it asked for the start.
 */
import { findCgroups } from "../../cgroups/find.ts";
import type { ExecutorName } from "../create-executor.ts";
import { createExecutor } from "../create-executor.ts";
import type { ExecutionSpec } from "../executor.ts";

const [name, bwrap, spec, kept, diesAfterMs] = process.argv.slice(2);
const executor = createExecutor(name as ExecutorName, {
  environment: { SPELL_BWRAP: bwrap },
  cgroups: kept === "by looking" ? undefined : findCgroups().cgroups,
});
if (diesAfterMs !== undefined) setTimeout(() => process.kill(process.pid, "SIGKILL"), Number(diesAfterMs));
const execution = await executor.start(JSON.parse(spec ?? "{}") as ExecutionSpec);
await execution.started;
process.stdout.write("started\n");
setInterval(() => undefined, 1_000);
