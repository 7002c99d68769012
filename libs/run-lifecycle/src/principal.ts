/** Who is asking, and what they may touch. */
import { SpellError, notFound } from "@spell/domain";
import type { RunRecord, RunStore } from "@spell/run-store";

export type Principal =
  /** A person, or a script with a person's token. */
  | { kind: "user"; userName: string }
  /** A run, by the token it was given: limited to its own workflow. */
  | { kind: "run"; userName: string; runId: number; workflowId?: number }
  | { kind: "agent"; agentId: string };

/** Somebody who may own runs. Throws `forbidden` for agents. */
export function requireOwner(principal: Principal): Exclude<Principal, { kind: "agent" }> {
  if (principal.kind === "agent") {
    throw new SpellError("forbidden", "An agent's token cannot do this: use a user's token.");
  }
  return principal;
}

/** Whether this principal may read the run: its status, log, metrics and outputs. All runs of its user: see docs/adr/0009. */
export function mayRead(principal: Principal, run: RunRecord): boolean {
  return principal.kind !== "agent" && run.owner === principal.userName;
}

/** A person. Throws `forbidden` (`users-only`) for runs, whose tokens reach their workflow and no account, and for agents. */
export function requireUser(principal: Principal): Extract<Principal, { kind: "user" }> {
  if (principal.kind === "user") return principal;
  throw new SpellError(
    "forbidden",
    `The token of ${principal.kind === "run" ? "a run" : "an agent"} cannot do this: use a user's token.`,
    {
      reason: "users-only",
    },
  );
}

/** A person who runs the farm. Throws `forbidden` (`operators-only`). */
export async function requireOperator(principal: Principal, store: RunStore): Promise<void> {
  const user = await store.findUser(requireUser(principal).userName);
  if (user?.operator === true) return;
  throw new SpellError("forbidden", "Only the operator of this Spell may do this: its first user.", {
    reason: "operators-only",
  });
}

/** Whether this principal may stop, kill, label or archive the run. A run steers its workflow, itself included. */
export function maySteer(principal: Principal, run: RunRecord): boolean {
  if (principal.kind === "agent" || run.owner !== principal.userName) return false;
  if (principal.kind === "user") return true;
  return run.id === principal.runId || (principal.workflowId !== undefined && run.workflowId === principal.workflowId);
}

/** The run as this principal may see it: what a run's environment holds is for itself and its workflow. */
export function visibleRun(principal: Principal, run: RunRecord): RunRecord {
  return maySteer(principal, run) ? run : { ...run, spec: { ...run.spec, environment: {} } };
}

/** The refusal that does not tell whether the run exists. */
export function noSuchRun(runId: number): SpellError {
  return notFound(`There is no run ${runId}.`, "no-such-run");
}
