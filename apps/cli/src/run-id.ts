/** Ids as users type them. */
import { usageError } from "./exit-codes.ts";

/** A run's or workflow's number. Throws a usage error (exit code 2) for anything else. */
export function parseId(text: string): number {
  if (/^[0-9]{1,15}$/.test(text) && Number(text) > 0) return Number(text);
  throw usageError(`invalid ID: "${text}" is not a number of a run or workflow.`);
}
