/** Errors of the file system in the product's words. */
import { SpellError, messageOf } from "@spell/domain";

/** The code of a system error (`ENOENT`); undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The SpellError for a failed file operation; a SpellError passes unchanged. `doing` completes "Cannot …". */
export function fileError(error: unknown, doing: string): SpellError {
  if (error instanceof SpellError) return error;
  const options = { cause: error };
  switch (errnoOf(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return new SpellError(
        "exhausted",
        `Cannot ${doing}: the disk of the object store is full. Free some space there and try again.`,
        { ...options, reason: "disk-full" },
      );
    case "EMFILE":
    case "ENFILE":
    case "EAGAIN":
    case "EBUSY":
      return new SpellError("unavailable", `Cannot ${doing} now: ${messageOf(error)}. Try again.`, options);
    default:
      return new SpellError("internal", `Cannot ${doing}: ${messageOf(error)}.`, options);
  }
}

/** The SpellError for a root that cannot be used at all. */
export function unusableRoot(error: unknown, root: string): SpellError {
  const known = fileError(error, `use the folder ${root} for the object store`);
  if (known.code !== "internal") return known;
  return new SpellError(
    "invalid-input",
    `Cannot use the folder ${root} for the object store: ${messageOf(error)}. Choose a folder that can be written.`,
    { reason: "folder-not-usable", cause: error },
  );
}
