/** The processes of a sandbox as the machine sees them. Linux's /proc is the only source. */
import { readFileSync, readdirSync } from "node:fs";
import { startTimeOf } from "@spell/machine";

/** What bwrap has written into its status file so far. */
export interface SandboxStatus {
  /** The namespace's first process, as the machine numbers it. */
  initPid?: number;
  exitCode?: number;
}

/** Reads the status file; missing, empty and half-written ones give what they hold. */
export function readStatus(path: string): SandboxStatus {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch {
    return {};
  }
  const pid = /"child-pid": (\d+)[ ,}]/.exec(text)?.[1];
  const code = /"exit-code": (\d+) \}/.exec(text)?.[1];
  return {
    ...(pid === undefined ? {} : { initPid: Number(pid) }),
    ...(code === undefined ? {} : { exitCode: Number(code) }),
  };
}

/** A process is told from a later one of the same number by the moment it started. */
export interface ProcessIdentity {
  pid: number;
  startTime: string;
}

/** The process, if it lives and its command line begins with `mark`. One that is only waited for counts as gone. */
export function findMarked(pid: number, mark: string): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  if (startTime === undefined || !commandLine(pid).startsWith(`${mark}\0`)) return undefined;
  return { pid, startTime };
}

/** All living processes whose command line begins with `mark`. */
export function allMarked(mark: string): ProcessIdentity[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => findMarked(Number(name), mark) ?? []);
}

/** Whether this very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}

/** Whether the process has a child that runs a program of its own: one whose command line no longer begins with `mark`. */
export function hasForeignChild(pid: number, mark: string): boolean {
  return childrenOf(pid).some((child) => {
    const line = commandLine(child);
    return line !== "" && !line.startsWith(`${mark}\0`);
  });
}

/** All that descend from a process, itself excluded: in a pid namespace whose first process it is, everyone else. */
export function descendantsOf(pid: number): number[] {
  const found: number[] = [];
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const children = childrenOf(next);
    found.push(...children);
    waiting.push(...children);
  }
  return found;
}

/** Sends a signal; a process that is gone is fine. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}

function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.flatMap((thread) =>
    readText(`/proc/${pid}/task/${thread}/children`)
      .split(" ")
      .filter((text) => text !== "")
      .map(Number),
  );
}

function commandLine(pid: number): string {
  return readText(`/proc/${pid}/cmdline`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
