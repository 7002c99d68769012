/** What a commit holds, read from git's objects: no file is checked out, no filter or hook of the repository runs. */
import { invalidInput } from "@spell/domain";
import { MAX_DEPTH, MAX_TARGET_BYTES, nameProblem, quoted } from "./entry.ts";
import { startGit } from "./git-process.ts";
import type { SkippedPath } from "./snapshot.ts";

/** A file or link of a commit. */
export interface CommitEntry {
  /** Relative to the repository's root. */
  path: string;
  kind: "file" | "symlink";
  executable: boolean;
  sizeBytes: number;
  /** Name of the object that holds the bytes (of a link: its target). */
  objectId: string;
}

/** The files of a commit. */
export interface CommitListing {
  entries: CommitEntry[];
  /** What no tree can hold: submodules, names, links. */
  skipped: SkippedPath[];
  /** Sum of all sizes, each place counted. */
  totalBytes: number;
}

/** How much one commit may hold. */
export interface CommitLimits {
  /** Most bytes of all files together. */
  maxBytes: number;
  /** Default 250,000. */
  maxFiles?: number;
}

/** Largest file that code may have: each is held in memory once. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Whether the repository has this commit, whole name in hex. */
export async function hasCommit(gitDir: string, commit: string, signal?: AbortSignal): Promise<boolean> {
  const { child, ended } = startGit(gitDir, ["cat-file", "--batch-check=%(objecttype)"], signal);
  child.stdin.end(`${commit}\n`);
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  await ended;
  return stdout.trim() === "commit";
}

/** Lists a commit that the repository has. Throws invalid-input when it is larger than it may be. */
export async function listCommit(
  gitDir: string,
  commit: string,
  limits: CommitLimits,
  signal?: AbortSignal,
): Promise<CommitListing> {
  const git = startGit(gitDir, ["ls-tree", "-r", "-l", "-z", "--full-tree", commit], signal);
  const listing: CommitListing = { entries: [], skipped: [], totalBytes: 0 };
  try {
    let rest = Buffer.alloc(0);
    for await (const chunk of git.child.stdout as AsyncIterable<Buffer>) {
      const bytes = Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = bytes.indexOf(0, start); end !== -1; end = bytes.indexOf(0, start)) {
        addLine(listing, bytes.subarray(start, end));
        checkLimits(listing, limits);
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
    await git.ended;
  } finally {
    git.child.kill("SIGKILL");
  }
  return listing;
}

function checkLimits({ entries, skipped, totalBytes }: CommitListing, limits: CommitLimits): void {
  const maxFiles = limits.maxFiles ?? 250_000;
  if (entries.length + skipped.length > maxFiles) throw tooLarge(`more than ${maxFiles} files`);
  if (totalBytes > limits.maxBytes) throw tooLarge(`more than ${Math.round(limits.maxBytes / 2 ** 20)} MiB of files`);
}

/** `<mode> <type> <object> <size>\t<path>`, the size padded with spaces. */
function addLine(listing: CommitListing, line: Buffer): void {
  const tab = line.indexOf(9);
  const [mode = "", type, objectId = "", size = ""] = line.subarray(0, tab).toString("latin1").split(/ +/);
  const bytes = line.subarray(tab + 1);
  const path = bytes.toString("utf8");
  const sizeBytes = Number(size);
  const problem = Buffer.from(path, "utf8").equals(bytes) ? pathProblem(path) : "its name is not valid UTF-8";
  if (problem !== undefined) {
    listing.skipped.push({ path, why: problem });
    return;
  }
  if (type === "commit") {
    listing.skipped.push({ path, why: "a submodule" });
    return;
  }
  const isLink = mode === "120000";
  if (isLink && sizeBytes > MAX_TARGET_BYTES) {
    listing.skipped.push({ path, why: "a link that is too long" });
    return;
  }
  if (sizeBytes > MAX_FILE_BYTES) {
    const mib = MAX_FILE_BYTES / 2 ** 20;
    throw tooLarge(`${quoted(path)}, which is larger than ${mib} MiB: data belongs into an upload, which runs mount`);
  }
  listing.totalBytes += sizeBytes;
  const executable = mode === "100755";
  listing.entries.push({ path, kind: isLink ? "symlink" : "file", executable, sizeBytes, objectId });
}

function pathProblem(path: string): string | undefined {
  const parts = path.split("/");
  if (parts.length - 1 > MAX_DEPTH) return `folders may not lie deeper than ${MAX_DEPTH} levels`;
  if (parts.some((part) => part.toLowerCase() === ".git")) return "a run's code has no .git";
  return parts.map(nameProblem).find((problem) => problem !== undefined);
}

function tooLarge(what: string): ReturnType<typeof invalidInput> {
  return invalidInput(`This commit cannot be the code of a run: it has ${what}.`, "code-too-large");
}
