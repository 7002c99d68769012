/** Starting other programs: quietly, and without telling addresses of package registries when they fail. */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./places.mjs";

/** Something the user can put right; its message is the whole output. */
export class SetupError extends Error {}

/** The first file of that name on PATH or in the usual system folders; undefined where there is none. */
export function which(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/go/bin"];
  for (const folder of folders.filter(Boolean)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Takes addresses out of what a package manager printed: logs are shared, mirrors and credentials are not. */
export function withoutAddresses(text) {
  return text.replace(/\b[a-z][a-z+.-]*:\/\/[^\s"'<>)]+/gi, "<address>");
}

/** Standard output of a short command, or undefined when it fails or does not exist. */
export function answerOf(command, args) {
  const result = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return result.status === 0 ? `${result.stdout}${result.stderr}`.trim() : undefined;
}

/** Runs a step to its end. Shows nothing when it succeeds; throws a SetupError with its last lines when it fails. */
export async function runStep(command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: root,
    ...options,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (chunk) => {
    output += chunk.toString();
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await new Promise((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve(-1);
    });
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  if (code === 0) return;
  throw new SetupError(`${options.what ?? command} failed (${code}). It said:\n${essence(output)}`);
}

/** The first and last lines of a failed program's output: the reason stands at either end. */
function essence(output) {
  const lines = withoutAddresses(output)
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^npm (warn|notice)/.test(line));
  return lines.length <= 30 ? lines.join("\n") : [...lines.slice(0, 15), "…", ...lines.slice(-15)].join("\n");
}

/** "3.11.7" against "3.9": negative, zero or positive. */
export function compareVersions(left, right) {
  const [a, b] = [left, right].map((version) => version.split(".").map((part) => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
