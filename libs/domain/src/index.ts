export {
  ERROR_CODES,
  SpellError,
  assertNever,
  conflict,
  hasCode,
  invalidInput,
  messageOf,
  notFound,
} from "./errors.ts";
export type { ErrorCode } from "./errors.ts";
export { FINAL_STATUSES, PHASES, RUN_STATUSES, TRANSIENT_STATUSES, isFinal, isRunStatus } from "./status.ts";
export type { FinalStatus, Phase, RunStatus, TransientStatus } from "./status.ts";
export { ATTEMPT_CAUSES, NON_ZERO_EXITS } from "./run-event.ts";
export type { AttemptCause, NonZeroExit, RunEvent, RunPosition, StopReason } from "./run-event.ts";
export { EFFECTS } from "./effects.ts";
export type { Effect } from "./effects.ts";
export { TRANSITION_TABLE } from "./transition-table.ts";
export { transition } from "./transition.ts";
export type { Transition } from "./transition.ts";
export { REASONS, REASON_CODES, isReasonCode, reasonRow } from "./reason-table.ts";
export type { Doer, ReasonCode } from "./reason-table.ts";
export { OUTCOME_TABLE, attemptOutcome } from "./attempt-outcome.ts";
export type { AttemptFact, OutcomeRow } from "./attempt-outcome.ts";
export type { EndReason } from "./reason.ts";
export { isNotItsDoing, retryPause, toRetryPolicy } from "./retry.ts";
export type { RetryPolicy, RetryRequest } from "./retry.ts";
export { isDigest } from "./digest.ts";
export type { Digest } from "./digest.ts";
export { parseByteSize, sizeText } from "./byte-size.ts";
export { DEFAULT_MACHINE_TYPE, machineTypeKey, parseMachineType } from "./machine-type.ts";
export type { MachineTypeSlots } from "./machine-type.ts";
export { substituteParameters } from "./parameters.ts";
export { invalidResource, isCleanRelativePath, resolveMountPoint } from "./resource.ts";
export { checkAlias, checkResourceName, formatResourcePath, parseResourcePath } from "./resource-path.ts";
export type { ResourcePath } from "./resource-path.ts";
export { MAX_ENTRY_BYTES, formatDuration } from "./log-entry.ts";
export type { LogBatch, LogEntry } from "./log-entry.ts";
export { METRIC_CONDITIONS, meets, metricProblem } from "./metric.ts";
export type { MetricCondition } from "./metric.ts";
