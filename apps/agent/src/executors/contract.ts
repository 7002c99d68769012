/** What every executor promises, as tests: each driver's own test file runs this suite against it. */
import { describeAdoption } from "./contract/adoption.ts";
import { describeCommands } from "./contract/commands.ts";
import { describeEnds } from "./contract/ends.ts";
import { describeMounts } from "./contract/mounts.ts";
import { describeWritten } from "./contract/written.ts";
import { describeLimits } from "./contract/limits.ts";
import { describeUnkillable } from "./contract/unkillable.ts";
import type { PatienceWithKilled } from "./limits/last-wait.ts";
import { describeSurvivors } from "./contract/survivors.ts";
import type { Cgroups } from "../cgroups/cgroup.ts";
import { findCgroups } from "../cgroups/find.ts";
import type { Executor } from "./executor.ts";

interface LimitedOptions {
  cgroups: Cgroups | undefined;
  patience?: PatienceWithKilled;
}

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

/** The limits of runs, kept by the kernel where this machine lets us, and by looking. */
export function limitsContract(create: (options: LimitedOptions) => Executor): void {
  const { cgroups } = findCgroups();
  for (const kept of cgroups === undefined ? [undefined] : [cgroups, undefined]) {
    const subject = { executor: create({ cgroups: kept }), byKernel: kept !== undefined };
    describeLimits(subject);
    describeSurvivors(subject);
  }
  describeUnkillable((patience) => create({ cgroups, patience }));
}
