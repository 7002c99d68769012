/** Run by the contract suite in a process of its own, to be killed: starts an execution, says so, and stays. */
import type { ExecutorName } from "./create-executor.ts";
import { createExecutor } from "./create-executor.ts";
import type { ExecutionSpec } from "./executor.ts";

const [name, spec] = process.argv.slice(2);
const execution = await createExecutor(name as ExecutorName).start(JSON.parse(spec ?? "{}") as ExecutionSpec);
await execution.started;
process.stdout.write("started\n");
setInterval(() => undefined, 1_000);
