/** Processes of this machine, sandboxed ones among them, found by a word that only they carry. */
import { readFileSync, readdirSync } from "node:fs";

/** Command lines of the living processes whose command line or environment contains the word, sorted. */
export function processesWith(word: string): string[] {
  return processIdsWith(word)
    .map((pid) => readProc(String(pid), "cmdline").replaceAll("\0", " ").trim())
    .sort();
}

/** Their numbers. */
export function processIdsWith(word: string): number[] {
  return others()
    .filter((pid) => readProc(pid, "cmdline").includes(word) || readProc(pid, "environ").includes(word))
    .map(Number);
}

/** Numbers of the living processes whose command line has all of the words. */
export function pidsWith(...words: readonly string[]): number[] {
  return others()
    .filter((pid) => words.every((word) => readProc(pid, "cmdline").includes(word)))
    .map(Number);
}

function others(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
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
