/** Run statuses: the words users see, in the order a run passes through them. */

export const TRANSIENT_STATUSES = [
  "machine_requested",
  "building",
  "mounting",
  "running",
  "stopping",
  "killing",
  "saving",
  "pushing",
] as const;

/** In the order that scripts of the former client know from its FINAL. */
export const FINAL_STATUSES = [
  "complete",
  "failed",
  "build_failed",
  "mount_failed",
  "interrupted",
  "killed",
  "stopped",
] as const;

export type TransientStatus = (typeof TRANSIENT_STATUSES)[number];
export type FinalStatus = (typeof FINAL_STATUSES)[number];
export type RunStatus = TransientStatus | FinalStatus;

/** Phases an agent reports for an attempt, in their order. */
export const PHASES = ["building", "mounting", "running", "saving", "pushing"] as const;
export type Phase = (typeof PHASES)[number];

/** All statuses, transient first. */
export const RUN_STATUSES: readonly RunStatus[] = [...TRANSIENT_STATUSES, ...FINAL_STATUSES];

/** Whether this status never changes again. */
export function isFinal(status: RunStatus): status is FinalStatus {
  return (FINAL_STATUSES as readonly string[]).includes(status);
}

/** Whether a text is a status name. */
export function isRunStatus(text: string): text is RunStatus {
  return (RUN_STATUSES as readonly string[]).includes(text);
}
