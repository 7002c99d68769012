/** Refuses specs that no executor could carry out. */
import { isCleanRelativePath, invalidInput } from "@spell/domain";
import type { ExecutionSpec } from "./executor.ts";

/** Top-level folders that the sandbox itself provides. */
const RESERVED = /^\/(proc|sys|dev)(\/|$)/;

/** Throws invalid-input for paths that are not absolute and normalised, and for text that no process can be given. */
export function checkSpec(spec: ExecutionSpec): void {
  const paths = [...spec.mounts, ...spec.extras].map((each) => each.path);
  for (const path of paths) {
    if (!isAbsolute(path) || path === "/" || path === "/spell" || RESERVED.test(path)) {
      throw invalidInput(`Cannot mount at "${path}": choose a folder of its own, for example /data.`, "bad-mount");
    }
  }
  if (!isAbsolute(spec.workingDirectory)) {
    throw invalidInput(`The working directory "${spec.workingDirectory}" is not a normalised absolute path.`);
  }
  if (spec.command.includes("\0")) throw invalidInput("The command contains a NUL character. Remove it.");
  for (const [name, value] of Object.entries(spec.environment)) {
    if (name === "" || name.includes("=") || name.includes("\0") || value.includes("\0")) {
      throw invalidInput(
        `The environment variable ${JSON.stringify(name)} cannot be set: names are not empty, without "=", and nothing holds NUL.`,
      );
    }
  }
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") && isCleanRelativePath(path.slice(1), { allowEmpty: true });
}
