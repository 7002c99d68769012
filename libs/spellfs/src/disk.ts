/** What the system says about the disk, as errors that name the cure. */
import { SpellError, messageOf } from "@spell/domain";
import { quoted } from "./entry.ts";

/** The system's name of an error, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** A failure below a folder as a SpellError: `exhausted` (`disk-full`) or `unavailable` (`disk-error`). */
export function diskError(error: unknown, folder: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof SpellError || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    const message = `There is no space left on the disk of ${quoted(folder)}. Free some there, or choose another data folder.`;
    return new SpellError("exhausted", message, { reason: "disk-full", cause: error });
  }
  const message = `Files could not be kept in ${quoted(folder)}: ${messageOf(error)}.`;
  return new SpellError("unavailable", message, { reason: "disk-error", cause: error });
}
