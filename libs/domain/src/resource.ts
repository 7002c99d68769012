/** Resource paths (`runs/12/save`) and mount points: parsed and checked in one place. */
import { invalidInput } from "./errors.ts";

/** A path inside a run's outputs. */
export interface RunResource {
  runId: number;
  /** Relative path below the run's outputs; empty: all of them. */
  path: string;
}

/** Parses `runs/<id>[/path]`. Throws invalid-input with the words "Cannot mount resource" that old scripts look for. */
export function parseRunResource(resource: string): RunResource {
  const match = /^runs\/([0-9]{1,15})(?:\/(.*))?$/s.exec(resource);
  const path = (match?.[2] ?? "").replace(/\/+$/, "");
  if (!match?.[1] || !isCleanRelativePath(path, { allowEmpty: true })) {
    throw invalidResource(resource, "write runs/<id> or runs/<id>/<path>, without '..'");
  }
  return { runId: Number(match[1]), path };
}

/** The refusal of a mount, in one wording. */
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
