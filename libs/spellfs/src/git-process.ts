/**
 * How git is started on a repository that somebody else may have made: nothing that the machine, the user or the repository
 * has set makes it do more than it is asked, and it never talks to another machine by itself.
 */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { invalidInput } from "@spell/domain";

/** Settings of git by name; a list is one that is given several times. */
export type GitSettings = Readonly<Record<string, string | readonly string[]>>;

/** Settings that hold whatever the repository says; none of them lets git start a program that a repository names. */
const SAFE_SETTINGS: GitSettings = {
  "safe.directory": "*",
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  // Git runs one of its own otherwise; an empty one is an error. This tells of no refs.
  "core.alternateRefsCommand": "true",
  "core.askPass": "",
  "credential.helper": "",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "protocol.ext.allow": "never",
};

/** The whole environment of a git process. `protocols`: those it may use to reach other repositories; default none. */
export function gitEnvironment(
  settings: GitSettings = {},
  protocols: readonly string[] = ["none"],
): Record<string, string> {
  const all = Object.entries({ ...SAFE_SETTINGS, ...settings }).flatMap(([key, value]) =>
    [value].flat().map((each) => [key, each] as const),
  );
  return {
    // eslint-disable-next-line no-restricted-syntax -- where programs are found; everything else is left out
    PATH: process.env["PATH"] ?? "",
    LC_ALL: "C",
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: protocols.join(":"),
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(
      all.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

/** A git process that reads one repository. */
export interface GitReader {
  child: ChildProcessWithoutNullStreams;
  /** Resolves when it has ended well. Throws invalid-input with git's own sentence, or the signal's reason. */
  ended: Promise<void>;
}

/** Starts git on the repository of this git directory. The signal kills it. */
export function startGit(gitDir: string, args: readonly string[], signal?: AbortSignal): GitReader {
  signal?.throwIfAborted();
  const child = spawn("git", args, { env: { ...gitEnvironment(), GIT_DIR: gitDir }, cwd: "/" });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-4_000)));
  // A process that ends before it has read everything says why on stderr.
  child.stdin.on("error", () => undefined);
  const kill = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", kill, { once: true });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (error) => reject(gitFailed(args, error.message)));
    child.once("close", (code, by) => {
      signal?.removeEventListener("abort", kill);
      if (signal?.aborted === true) reject(signal.reason as Error);
      else if (code === 0) resolve();
      else reject(gitFailed(args, stderr || `ended by ${by ?? `code ${code}`}`));
    });
  });
  ended.catch(() => undefined);
  return { child, ended };
}

/** The first lines of what git printed, as one line without its `fatal:`. Pure. */
export function gitSentence(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.replace(/^(fatal|error): /, "").trim());
  return lines
    .filter((line) => line !== "")
    .slice(0, 4)
    .join(" ")
    .slice(0, 600);
}

function gitFailed(args: readonly string[], why: string): ReturnType<typeof invalidInput> {
  return invalidInput(`Git could not read the repository (git ${args[0] ?? ""}: ${gitSentence(why)}).`, "git-failed");
}
