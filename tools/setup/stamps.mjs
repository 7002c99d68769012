/** Remembers what the set-up has done, so that doing it again costs a few file reads; one set-up at a time. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { inRoot } from "./places.mjs";

const stampFile = inRoot(".cache", "setup.json");
const lockFile = inRoot(".cache", "setup.lock");

/** A short name for the content of these files and values; a missing file counts as empty. */
export function keyOf(files, ...values) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(existsSync(file) ? readFileSync(file) : "").update("\0");
  return hash
    .update(JSON.stringify([values, process.platform, process.arch]))
    .digest("hex")
    .slice(0, 16);
}

/** What each step was last done for: step → key. */
export function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return {};
  }
}

/** Notes that a step is done for this key. */
export function writeStamp(step, key) {
  mkdirSync(inRoot(".cache"), { recursive: true });
  writeFileSync(stampFile, `${JSON.stringify({ ...readStamps(), [step]: key }, null, 2)}\n`);
}

/** Runs `work` while holding the set-up lock of this clone; waits for another set-up that lives. */
export async function whileLocked(work, say) {
  mkdirSync(inRoot(".cache"), { recursive: true });
  for (let told = false; !tryLock();) {
    if (!told) say("waiting for another set-up of this clone");
    told = true;
    await delay(200);
  }
  const unlock = () => rmSync(lockFile, { force: true });
  process.once("exit", unlock);
  try {
    return await work();
  } finally {
    process.removeListener("exit", unlock);
    unlock();
  }
}

function tryLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  // A holder that died (power cut, kill -9) leaves its file; its pid tells.
  const holder = Number.parseInt(readHolder(), 10);
  if (Number.isNaN(holder) || isAlive(holder)) return false;
  rmSync(lockFile, { force: true });
  return false;
}

function readHolder() {
  try {
    return readFileSync(lockFile, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
