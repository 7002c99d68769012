/** Results of attempts, and what a failure of ours means in one. Pure. */
import { SpellError, hasCode, messageOf } from "@spell/domain";
import type { AttemptResult } from "@spell/rpc";

/** A result with these fields. */
export function attemptResult(fields: Partial<AttemptResult> & { cause: string }): AttemptResult {
  return { exitCode: undefined, reasonCode: "", reason: "", outputTree: "", logEntries: 0, ...fields };
}

/** The result of an attempt that we could not carry through; `cause` says how far it came: build, mount or save. */
export function failedResult(cause: string, error: unknown): AttemptResult {
  return attemptResult({ cause, ...failureOf(error) });
}

/** What a failure of ours was. */
export function failureOf(error: unknown): { reasonCode: string; reason: string } {
  const { code } = error as { code?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return { reasonCode: "disk-full", reason: `The machine's disk is full (${messageOf(error)}).` };
  }
  if (hasCode(error, "data-loss")) return { reasonCode: "bytes-corrupt", reason: messageOf(error) };
  const isTelling = error instanceof SpellError && error.reason !== error.code;
  return { reasonCode: isTelling ? error.reason : "", reason: messageOf(error) };
}
