/** What is written down before a sandbox starts, so that a later agent can take it over. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CgroupRecord } from "../../cgroups/cgroup.ts";
import type { RunLimits } from "../limits/run-limits.ts";

export interface SandboxRecord {
  /** Begins the command line of the sandbox's own processes; no other attempt has the same. */
  mark: string;
  /** Of the machine's present boot: after another one no process of this run is left. */
  bootId: string;
  /** Where the code lies; undefined: none. */
  code?: string;
  /** Absolute paths inside the run that are no outputs. */
  mountPaths: string[];
  /** What the run may use; absent: all. */
  limits?: RunLimits;
  /** Its control group. */
  cgroup?: CgroupRecord;
  /** The sentence, when the executor refused the run before starting anything. */
  startFailure?: string;
}

/** The files and folders of one attempt below its `sandbox` folder. */
export function sandboxPaths(attemptDir: string) {
  const folder = join(attemptDir, "sandbox");
  return {
    folder,
    record: join(folder, "run.json"),
    status: join(folder, "status.json"),
    verdict: join(folder, "verdict.json"),
    arguments: join(folder, "arguments"),
    empty: join(folder, "empty"),
    tmp: join(folder, "tmp"),
    spellUpper: join(folder, "spell-upper"),
    spool: join(attemptDir, "output.log"),
  };
}

export type SandboxPaths = ReturnType<typeof sandboxPaths>;

/** The folders of this machine in which lies what the run writes. */
export function writtenFolders(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => (/^tmp$|-upper$/.test(name) ? [join(folder, name)] : []));
}

/** Writes the record; it is there before any process is. */
export function writeRecord(path: string, record: SandboxRecord): void {
  writeFileSync(path, JSON.stringify(record), { mode: 0o600 });
}

/** Reads it; undefined when there is none, or only part of one because the machine died: then nothing was started. */
export function readRecord(path: string): SandboxRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as SandboxRecord;
  } catch {
    return undefined;
  }
}
