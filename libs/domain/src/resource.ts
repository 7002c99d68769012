/** Mount points: where a resource appears inside a run. Pure. */
import { invalidInput } from "./errors.ts";

/** The refusal of a mount, in the words that old scripts look for. */
export function invalidResource(resource: string, why: string): ReturnType<typeof invalidInput> {
  return invalidInput(`Cannot mount resource "${resource}": not a valid resource (${why}).`, "no-such-resource");
}

/** Whether a relative path is normalised: no empty, `.` or `..` parts, no NUL, not absolute. */
export function isCleanRelativePath(path: string, options: { allowEmpty?: boolean } = {}): boolean {
  if (path === "") return options.allowEmpty ?? false;
  if (path.includes("\0")) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/**
 * The absolute path of a mount inside the run. Relative mount points start at the code's root (`/spell/<codeRoot>`, or
 * `/spell`), an omitted one is the resource's base name. Throws invalid-input for `..`, `/` and system folders.
 */
export function resolveMountPoint(resource: string, mountPoint: string, codeRoot: string): string {
  const given = mountPoint === "" ? baseName(resource) : mountPoint;
  const absolute = given.startsWith("/") ? given : `/spell/${codeRoot === "" ? "" : `${codeRoot}/`}${given}`;
  const parts = absolute
    .split("/")
    .slice(1)
    .filter((part) => part !== "" && part !== ".");
  const path = `/${parts.join("/")}`;
  if (absolute.includes("\0")) {
    throw invalidInput(`Cannot mount "${resource}": its mount path contains a NUL byte.`, "bad-mount");
  }
  if (parts.includes("..")) {
    throw invalidInput(
      `Cannot mount "${resource}" at "${mountPoint}": a mount path may not contain '..'.`,
      "bad-mount",
    );
  }
  const first = parts[0] ?? "";
  if (parts.length === 0 || path === "/spell" || path === `/spell/${codeRoot}` || RESERVED.has(first)) {
    throw invalidInput(
      `Cannot mount "${resource}" at "${given}": choose a folder of its own, for example /data or a path beside your code.`,
      "bad-mount",
    );
  }
  return path;
}

/** Folders that the sandbox itself provides. */
const RESERVED = new Set(["proc", "sys", "dev"]);

function baseName(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  return parts[parts.length - 1] ?? "";
}
