/** What git would take along from a folder: tracked, modified, and untracked files that are not ignored. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { invalidInput, messageOf } from "@spell/domain";
import type { SpellError } from "@spell/domain";
import { quoted } from "./entry.ts";

/** Whether the folder lies in a git work tree; looks for `.git` upwards and starts no process. */
export function isInGitWorkTree(directory: string): boolean {
  for (let folder = directory; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return true;
    if (dirname(folder) === folder) return false;
  }
}

/**
 * Paths below the folder, relative to it; a git repository inside it, not tracked, is listed as `path/`. Files that were
 * deleted may be listed. Undefined when git ignores the folder as a whole, so that it has no opinion on what is in it.
 * Throws invalid-input when git cannot tell, with its message, or for a name that is not UTF-8.
 */
export async function listGitFiles(directory: string, signal?: AbortSignal): Promise<string[] | undefined> {
  const listing = await git(directory, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], signal);
  if (listing.exitCode !== 0) throw gitFailed(directory, listing.stderr);
  if (listing.stdout.length === 0) {
    const ignored = await git(directory, ["check-ignore", "-q", "."], signal);
    if (ignored.exitCode === 0) return undefined;
  }
  // Git lists an unmerged file once per side.
  return [...new Set(splitNames(listing.stdout))];
}

/** The folder in which the repository of a work tree keeps what its work trees share. Throws invalid-input when git cannot tell. */
export async function commonGitDir(directory: string, signal?: AbortSignal): Promise<string> {
  const { exitCode, stdout, stderr } = await git(directory, ["rev-parse", "--git-common-dir"], signal);
  if (exitCode !== 0) throw gitFailed(directory, stderr);
  return resolve(directory, stdout.toString("utf8").replace(/\n$/, ""));
}

function splitNames(stdout: Buffer): string[] {
  const text = stdout.toString("utf8");
  const names = text.split("\0").filter((name) => name !== "");
  if (text.includes("\uFFFD") && !Buffer.from(text, "utf8").equals(stdout)) {
    const bad = names.find((name) => name.includes("\uFFFD")) ?? "";
    throw invalidInput(`The name ${quoted(bad)} is not valid UTF-8: rename the file.`, "bad-name");
  }
  return names;
}

interface GitOutcome {
  exitCode: number;
  stdout: Buffer;
  stderr: string;
}

/** A repository's own settings can name programs for git to run; all that `ls-files` might start is turned off. */
const SAFE_SETTINGS = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
const SAFE_ENVIRONMENT = { GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "none" };

function git(directory: string, args: readonly string[], signal?: AbortSignal): Promise<GitOutcome> {
  // eslint-disable-next-line no-restricted-syntax -- a child needs the whole environment (PATH, HOME), with changes
  const environment: NodeJS.ProcessEnv = { ...process.env, ...SAFE_ENVIRONMENT, LC_ALL: "C" };
  // Inside a hook these would point git at another repository than the folder's own.
  for (const name of ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"]) delete environment[name];
  const outcome = new Promise<GitOutcome>((settle, reject) => {
    execFile(
      "git",
      [...SAFE_SETTINGS, ...args],
      { cwd: directory, env: environment, encoding: "buffer", maxBuffer: 1024 * 1024 * 1024, signal },
      (error, stdout, stderr) => {
        if (error === null) settle({ exitCode: 0, stdout, stderr: "" });
        else if (typeof error.code === "number") settle({ exitCode: error.code, stdout, stderr: stderr.toString() });
        else reject(gitFailed(directory, messageOf(error)));
      },
    );
  });
  return outcome.catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}

function gitFailed(directory: string, why: string): SpellError {
  const reason = why.trim().split("\n").slice(0, 4).join(" ").slice(0, 500);
  return invalidInput(
    `Git could not list the files of ${quoted(directory)} (${reason}). Make "git status" work there, or use a folder outside git.`,
    "git-failed",
  );
}
