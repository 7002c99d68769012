/** The control group of one run. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { messageOf } from "@spell/domain";
import type { Cgroup, Cgroups } from "../../cgroups/cgroup.ts";
import { NAME_PREFIX } from "../../cgroups/find.ts";
import type { RunLimits } from "./run-limits.ts";

/** `folder`: of this attempt alone, so that no other has the same name. Where none can be made: the problem, and the run goes on without. */
export function makeGroup(
  cgroups: Cgroups | undefined,
  folder: string,
  limits: RunLimits,
): { cgroup?: Cgroup; problem?: string } {
  if (cgroups === undefined) return {};
  cgroups.expect();
  const attempt = basename(folder).replace(/[^\w-]/g, "_");
  const name = `${NAME_PREFIX}${attempt}-${createHash("sha256").update(folder).digest("hex").slice(0, 12)}`;
  try {
    return { cgroup: cgroups.make(name, limits) };
  } catch (error) {
    return { problem: keptByLookingOn(error) };
  }
}

/** For the log of a run that the kernel does not limit. */
export function keptByLookingOn(error: unknown): string {
  return `The agent keeps this run's limits by looking at it now and then: it could not be put into a control group (${messageOf(error)}).`;
}
