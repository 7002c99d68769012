/** What must survive the agent about one attempt: its spec, how far it came, its result. One JSON file, replaced whole. */
import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Phase } from "@spell/domain";
import type { AttemptResult, AttemptSpec, Lease } from "@spell/rpc";
import { writeJson } from "./write-json.ts";

export interface AttemptRecord {
  lease: Lease;
  /** Boot of the machine in which the attempt arrived: processes of another boot are gone, and must not be started again. */
  bootId: string;
  spec: AttemptSpec;
  /** Phases entered, in order. */
  history: { phase: Phase; atMs: number }[];
  /** SIGTERM was sent because somebody asked to stop. */
  stopSent?: boolean;
  /** The outputs are stored under this digest (empty: none); the files themselves may be in the cache by now. */
  outputTree?: string;
  result?: AttemptResult;
}

const FILE = "attempt.json";

/** Folder of an attempt below the agent's data folder. */
export function attemptDirOf(dataDir: string, lease: Lease): string {
  return join(attemptsDir(dataDir), `${lease.runId}-${lease.attempt}`);
}

/**
 * Writes the record; makes the attempt's folder the first time. Flushed to the disk at both ends only: what happens in
 * between must survive this process, not a power cut, after which the boot id tells that the run is gone anyway.
 */
export async function writeRecord(attemptDir: string, record: AttemptRecord): Promise<void> {
  if (record.history.length === 0) await mkdir(attemptDir, { recursive: true, mode: 0o700 });
  const flush = record.history.length === 0 || record.result !== undefined;
  await writeJson(join(attemptDir, FILE), record, { flush });
}

/** The attempts an earlier life of this agent left, and folders without a readable record (crashed while being made). */
export async function readRecords(
  dataDir: string,
): Promise<{ found: { attemptDir: string; record: AttemptRecord }[]; broken: string[] }> {
  const root = attemptsDir(dataDir);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const found: { attemptDir: string; record: AttemptRecord }[] = [];
  const broken: string[] = [];
  for (const name of await readdir(root)) {
    const attemptDir = join(root, name);
    try {
      const record = JSON.parse(await readFile(join(attemptDir, FILE), "utf8")) as AttemptRecord;
      found.push({ attemptDir, record });
    } catch {
      broken.push(attemptDir);
    }
  }
  return { found, broken };
}

function attemptsDir(dataDir: string): string {
  return join(dataDir, "attempts");
}
