/**
 * Whether a run whose attempt has ended is tried again by itself, and after which pause. Only where its owner asked for it before, never
 * against the owner's will, and never after a command that ended well. Pure.
 */
import { invalidInput } from "./errors.ts";
import type { EndReason } from "./reason.ts";
import { reasonRow } from "./reason-table.ts";

export interface RetryPolicy {
  /** Retries after the first attempt, at most. */
  limit: number;
  /** Of the command, after which it is tried again besides what was not its doing. */
  exitCodes: readonly number[];
  /** Before the first retry, milliseconds. */
  firstPauseMs: number;
  /** Each further pause is so many times as long. */
  factor: number;
  /** No pause is longer, milliseconds. */
  maxPauseMs: number;
}

/** What of a policy has to be said. */
export type RetryRequest = Pick<RetryPolicy, "limit"> & Partial<RetryPolicy>;

/** An attempt that has ended. */
export interface EndedAttempt {
  /** From 1. */
  number: number;
  end: Pick<EndReason, "code">;
  exitCode?: number;
  /** The user's will, once said. */
  requested?: "stop" | "kill";
}

export const MAX_RETRIES = 100;
const MAX_EXIT_CODES = 50;
const MAX_FACTOR = 10;
const DAY_MS = 24 * 60 * 60_000;
const [FIRST_PAUSE_MS, FACTOR, MAX_PAUSE_MS] = [10_000, 2, 10 * 60_000];

/** The policy with what was left out. Throws invalid-input for what cannot be meant. */
export function toRetryPolicy(request: RetryRequest): RetryPolicy {
  const { limit, exitCodes = [], firstPauseMs = FIRST_PAUSE_MS, factor = FACTOR } = request;
  const { maxPauseMs = Math.max(MAX_PAUSE_MS, firstPauseMs) } = request;
  if (!isWhole(limit, 1, MAX_RETRIES)) {
    throw bad(`A run is retried from 1 to ${MAX_RETRIES} times, not ${limit}. Leave the retries out to have none.`);
  }
  const wrong = exitCodes.find((code) => !isWhole(code, 1, 255));
  if (wrong !== undefined) {
    throw bad(
      `${wrong} is no exit code to retry on: name codes from 1 to 255. A run that exits with 0 is never retried.`,
    );
  }
  const codes = [...new Set(exitCodes)].sort((left, right) => left - right);
  if (codes.length > MAX_EXIT_CODES) throw bad(`At most ${MAX_EXIT_CODES} exit codes can be retried on.`);
  if (!isWhole(firstPauseMs, 0, DAY_MS) || !isWhole(maxPauseMs, 0, DAY_MS)) {
    throw bad("The pause before a retry is from 0 seconds to 24 hours.");
  }
  if (maxPauseMs < firstPauseMs) throw bad("The longest pause before a retry is shorter than the first one.");
  if (!(factor >= 1 && factor <= MAX_FACTOR)) {
    throw bad(`Each pause before a retry is 1 to ${MAX_FACTOR} times as long as the one before, not ${factor} times.`);
  }
  return { limit, exitCodes: codes, firstPauseMs, factor, maxPauseMs };
}

/** Milliseconds until the next attempt; undefined: there is none. */
export function retryPause(policy: RetryPolicy | undefined, attempt: EndedAttempt): number | undefined {
  if (policy === undefined || attempt.number > policy.limit || attempt.requested !== undefined) return undefined;
  if (!isNotItsDoing(attempt.end) && !isListed(policy, attempt)) return undefined;
  return Math.min(policy.maxPauseMs, Math.round(policy.firstPauseMs * policy.factor ** (attempt.number - 1)));
}

/** Whether an attempt ended by what its machine, the farm or an operator did: the same command may do well elsewhere. */
export function isNotItsDoing({ code }: Pick<EndReason, "code">): boolean {
  const { doing } = reasonRow(code);
  return doing === "ours" || doing === "operator";
}

function isListed({ exitCodes }: RetryPolicy, { end, exitCode }: EndedAttempt): boolean {
  return reasonRow(end.code).doing === "program" && exitCode !== undefined && exitCodes.includes(exitCode);
}

function isWhole(value: number, from: number, to: number): boolean {
  return Number.isSafeInteger(value) && value >= from && value <= to;
}

function bad(message: string): Error {
  return invalidInput(message, "bad-retry");
}
