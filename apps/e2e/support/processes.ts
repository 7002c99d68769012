/** Processes of this machine, sandboxed ones among them, found by a word that only they carry. */
import { readFileSync, readdirSync } from "node:fs";

/** Command lines of the living processes whose command line or environment contains the word, sorted. */
export function processesWith(word: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => readProc(pid, "cmdline").includes(word) || readProc(pid, "environ").includes(word))
    .map((pid) => readProc(pid, "cmdline").replaceAll("\0", " ").trim())
    .sort();
}

/** False for one that has ended but was not collected by its parent yet. */
export function isAlive(pid: number): boolean {
  return readProc(String(pid), "cmdline") !== "";
}

/** Empty for one that has ended meanwhile, and for a zombie. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
