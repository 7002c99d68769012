/** The agent's parts, for whoever puts them together otherwise than `main.ts` does: the simulation. */
export type { AttemptServices } from "./attempt-services.ts";
export { Attempts } from "./attempts.ts";
export { CoordinatorClient } from "./coordinator-client.ts";
export type { Execution, ExecutionSpec, Executor, ExitStatus, WrittenEntry } from "./executors/executor.ts";
export { LogShipper } from "./logs/log-shipper.ts";
export { Session } from "./session.ts";
