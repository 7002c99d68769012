/** Which boot of the machine a cache belongs to: bytes that were not on the disk when it lost power are found out by that. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { bootId } from "@spell/machine";
import { errnoOf } from "./disk.ts";

/**
 * Compares the machine's boot with that of the last opening. After another one, trees are dropped and the time is
 * given before which blobs were published that may have lost bytes. Unix time, milliseconds.
 */
export async function noticeReboot(given: { directory: string; trees: string; temporary: string }): Promise<number> {
  const stateFile = join(given.directory, "state.json");
  const boot = bootId();
  const state = readState(stateFile);
  if (state?.bootId === boot) return state.suspectBeforeMs;
  if (state !== undefined) {
    const old = join(given.temporary, "trees");
    renameSync(given.trees, old);
    mkdirSync(given.trees);
    await rm(old, { recursive: true, force: true });
  }
  const suspectBeforeMs = state === undefined ? 0 : Date.now();
  writeFileSync(`${stateFile}.new`, JSON.stringify({ bootId: boot, suspectBeforeMs }));
  renameSync(`${stateFile}.new`, stateFile);
  return suspectBeforeMs;
}

function readState(path: string): { bootId: string; suspectBeforeMs: number } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { bootId, suspectBeforeMs } = JSON.parse(text) as Record<string, unknown>;
    if (typeof bootId === "string" && typeof suspectBeforeMs === "number") return { bootId, suspectBeforeMs };
  } catch {
    // Damaged itself: certainly another boot.
  }
  return { bootId: "", suspectBeforeMs: 0 };
}
