/** Why the database could not be opened, in a sentence for whoever gave its URL. */
import { SpellError, messageOf } from "@spell/domain";
import pg from "pg";
import { databaseError } from "./database-error.ts";
import type { Place } from "./place.ts";

/** The cause of a failed opening; what the vendor's client said is its cause. */
export function openingError(error: unknown, place: Place): unknown {
  if (error instanceof SpellError) return error;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const refuse = (code: "unavailable" | "invalid-input" | "forbidden", message: string, reason: string): SpellError =>
    new SpellError(code, message, { reason, cause });
  const { code = "" } = cause as { code?: string };
  const text = messageOf(cause);
  if (code === "28P01") {
    return refuse("forbidden", `The password of ${place.user} is wrong for ${place.name}.`, "database-login");
  }
  if (/password must be a( non-empty)? string/.test(text)) {
    const message = `${place.name} wants a password of ${place.user}: write it in the URL, in SPELL_DATABASE.`;
    return refuse("forbidden", upperFirst(message), "database-login");
  }
  if (code === "28000") {
    return refuse("forbidden", `${upperFirst(place.name)} lets ${place.user} not in (${text}).`, "database-login");
  }
  if (code === "3D000") {
    const message = `There is no database ${place.database} at ${place.host}: make it (createdb ${place.database}).`;
    return refuse("invalid-input", message, "no-such-database");
  }
  if (code === "42501") {
    const message = `${place.user} has too few rights in ${place.name} (${text}): make ${place.user} its owner.`;
    return refuse("forbidden", message, "database-rights");
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return refuse("unavailable", `There is no host of this name: ${place.host} (${text}).`, "database-away");
  }
  if (cause instanceof pg.DatabaseError && !/^(08|53|57|25)/.test(code)) return databaseError(cause);
  const message = `${upperFirst(place.name)} cannot be reached (${text}): is it running, and is the URL right?`;
  return refuse("unavailable", message, "database-away");
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
