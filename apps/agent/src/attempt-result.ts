/** Results of attempts, and what a failure of ours means in one. Pure. */
import type { ReasonCode } from "@spell/domain";
import { SpellError, hasCode, messageOf } from "@spell/domain";
import type { AttemptResult } from "@spell/rpc";

/** A result with these fields. */
export function attemptResult(fields: Partial<AttemptResult> & { cause: string }): AttemptResult {
  return { exitCode: undefined, reasonCode: "", reason: "", outputTree: "", logEntries: 0, ...fields };
}

/** The result of an attempt that we could not carry through; `cause` says how far it came: build, mount or save. */
export function failedResult(cause: string, what: string, error: unknown): AttemptResult {
  return attemptResult({ cause, ...failureOf(what, error) });
}

/** The reason of a failure of ours, and its sentence: `what` could not be done, why, and what helps. */
export function failureOf(what: string, error: unknown): { reasonCode: ReasonCode | ""; reason: string } {
  const reasonCode = reasonOf(error);
  const isNamed = error instanceof SpellError;
  const said = messageOf(error);
  const why =
    reasonCode === "disk-full" && !isNamed ? `the machine's disk is full (${said}).` : said.replace(/\.?$/, ".");
  // Whoever has named it has said what helps.
  const cure = isNamed && reasonCode === "disk-full" ? "" : ` ${CURES[reasonCode] ?? ""}`;
  return { reasonCode, reason: `${what}: ${why}${cure}`.trimEnd() };
}

/** Empty: the step's own code says all there is. */
function reasonOf(error: unknown): ReasonCode | "" {
  const { code, reason } = error as { code?: unknown; reason?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT" || reason === "disk-full") return "disk-full";
  if (reason === "wrong-bytes") return "bytes-corrupt";
  // What a run sees was there when it was made, in the record and in the store.
  if (hasCode(error, "data-loss") || hasCode(error, "not-found")) return "no-such-resource";
  return hasCode(error, "unavailable") ? "store-unavailable" : "";
}

const CURES: Partial<Record<ReasonCode | "", string>> = {
  "disk-full": "Free some room on the machine, or let the agent's cache take less of it (--cache-size).",
  "bytes-corrupt": "`spell fsck` says what else is damaged.",
  "no-such-resource": "It was there when the run was made: `spell fsck` says what else is missing.",
};
