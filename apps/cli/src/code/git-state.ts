/** What git knows about the code: its commit, for people to read, and whether something is not committed. */
import { execFile } from "node:child_process";
import { environment } from "../config.ts";

export interface GitState {
  /** Empty before the first commit. */
  commit: string;
  subject: string;
  /** Tracked files differ from the commit. */
  hasChanges: boolean;
}

/** A repository's settings can name programs for git to run; what these calls might start is turned off. */
const SAFE_SETTINGS = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false"];

/** Asks git; nothing when git cannot tell (not installed, a repository of somebody else): it is for information only. */
export async function readGitState(directory: string, commit = "HEAD"): Promise<GitState | undefined> {
  const [log, status] = await Promise.all([
    git(directory, ["log", "-1", "--format=%H%n%s", "--end-of-options", commit]),
    git(directory, ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"]),
  ]);
  if (status === undefined) return undefined;
  const [hash = "", subject = ""] = (log ?? "").split("\n");
  return { commit: hash, subject, hasChanges: status.trim() !== "" };
}

/** Runs git without what a repository's settings might start; nothing when it fails. */
export function git(
  directory: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const env = { ...environment, ...variables, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", LC_ALL: "C.UTF-8" };
    const options = { cwd: directory, env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
    execFile("git", [...SAFE_SETTINGS, ...args], options, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });
}
