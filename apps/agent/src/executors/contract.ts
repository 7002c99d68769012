/** What every executor promises, as tests: each driver's own test file runs this suite against it. */
import { describeAdoption } from "./contract/adoption.ts";
import { describeCommands } from "./contract/commands.ts";
import { describeEnds } from "./contract/ends.ts";
import { describeMounts } from "./contract/mounts.ts";
import { describeWritten } from "./contract/written.ts";
import type { Executor } from "./executor.ts";

export interface ContractSubject {
  create: () => Executor;
  /** Whether commands really run; otherwise only the knobs of the dummy are obeyed. */
  runsCommands: boolean;
}

export function executorContract({ create, runsCommands }: ContractSubject): void {
  const executor = create();
  describeEnds(executor);
  describeAdoption({ executor, runsCommands });
  if (!runsCommands) return;
  describeCommands(executor);
  describeWritten(executor);
  describeMounts(executor);
}
