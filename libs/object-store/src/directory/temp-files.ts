/** Temp files of puts in progress: their names tell whose they are, so that only dead ones are swept. */
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "./file-errors.ts";

/** Tells this process from an earlier one that had the same process id. */
const processToken = randomBytes(8).toString("hex");
let count = 0;

/** A name that no other put uses. */
export function newTempName(): string {
  count += 1;
  return `${process.pid}-${processToken}-${count}`;
}

/** Whether nobody writes this file any more. Files with foreign names count as stale: the folder is the store's own. */
export function isStaleTempName(name: string, isAlive: (pid: number) => boolean): boolean {
  const match = /^([0-9]{1,10})-([0-9a-f]{16})-[0-9]+$/.exec(name);
  if (match === null) return true;
  if (match[2] === processToken) return false;
  const pid = Number(match[1]);
  return pid === process.pid || !isAlive(pid);
}

/** Removes what crashed puts left behind; a store of another living process on the same root keeps its own. */
export async function sweepTempFiles(folder: string): Promise<void> {
  const stale = (await readdir(folder)).filter((name) => isStaleTempName(name, isProcessAlive));
  for (const name of stale) await rm(join(folder, name), { recursive: true, force: true });
}

function isProcessAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}
