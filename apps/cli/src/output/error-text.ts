/** What an error says to a person or, with `--json`, to a program. Pure. */
import { inspect } from "node:util";
import { SpellError, messageOf } from "@spell/domain";

/** The text for stderr, without a final newline. */
export function errorText(error: unknown, options: { json: boolean }): string {
  const message = withCure(error);
  if (!options.json) return message;
  const code = error instanceof SpellError ? error.code : "invalid-input";
  const reason = error instanceof SpellError ? error.reason : code;
  return JSON.stringify({ error: { code, reason, message } });
}

/** For whoever looks for the fault: where it was thrown, and what lay behind it. */
export function stackText(error: unknown): string {
  return inspect(error, { depth: 5 });
}

/** Reasons of calls that no coordinator answered. */
const UNANSWERED = new Set(["unreachable", "deadline-exceeded"]);

/** The message, ending with what to do where the library that made it could not know. */
function withCure(error: unknown): string {
  const message = messageOf(error);
  if (!(error instanceof SpellError)) return message;
  if (UNANSWERED.has(error.reason)) {
    return `${sentence(message)} Is the coordinator running ("spell up"), and is its address right ("spell login --coordinator HOST:PORT --token TOKEN")?`;
  }
  // Who was told that a password is wrong has just tried to log in.
  if (error.code === "unauthenticated" && !/spell login|password/.test(message)) {
    return `${sentence(message)} Log in again with a valid token ("spell login --token TOKEN").`;
  }
  return error.reason === "unknown-machine-type" ? message.replace("invalid machine type", "invalid choice") : message;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
