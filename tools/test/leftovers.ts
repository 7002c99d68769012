/**
 * What a test run left behind. A run is recognised by its marker, which every process it starts inherits in its
 * environment, and by its temporary folder, which shows in the command line or mounts of a process that starts with
 * an empty environment (a sandbox does).
 */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";

/** Environment variable that carries the marker. */
export const runMarkerVariable = "SPELL_TEST_RUN";

export interface TestRunTrace {
  /** Value of the marker: unique per run. */
  marker: string;
  /** TMPDIR of the run: absolute path of a folder nobody else uses. */
  temporaryFolder: string;
}

/** One process that should have ended. */
export interface LeftProcess {
  pid: number;
  commandLine: string;
}

/** Processes of the run that still live, this process and its ancestors excepted. */
export function leftProcesses(trace: TestRunTrace): LeftProcess[] {
  const ours = new Set(ancestorsOf(process.pid));
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !ours.has(pid) && belongsTo(trace, pid))
    .map((pid) => ({ pid, commandLine: readProc(pid, "cmdline").replaceAll("\0", " ").trim() }));
}

/** Mount points of this mount namespace that lie in the run's folder or whose layers do. */
export function leftMounts(trace: TestRunTrace): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(trace.temporaryFolder))
    .map((line) => (line.split(" ")[4] ?? "").replaceAll("\\040", " "))
    .reverse();
}

/** Folders made by `tempFolder` that were not removed. */
export function leftFolders(trace: TestRunTrace): string[] {
  return readdirSync(trace.temporaryFolder)
    .filter((name) => name.startsWith("spell-"))
    .map((name) => join(trace.temporaryFolder, name));
}

/** Ends what is left and says what it was, one sentence each; empty when the run was clean. */
export function endLeftovers(trace: TestRunTrace): string[] {
  const sentences: string[] = [];
  for (const { pid, commandLine } of leftProcesses(trace)) {
    sentences.push(`process ${pid} was still running: ${commandLine}`);
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in between: still too late.
    }
  }
  for (const mountPoint of leftMounts(trace)) {
    sentences.push(`still mounted: ${mountPoint}`);
    try {
      execFileSync("umount", ["-l", mountPoint], { stdio: "ignore" });
    } catch {
      sentences.push(`and it cannot be unmounted: ${mountPoint}`);
    }
  }
  for (const folder of leftFolders(trace)) sentences.push(`folder not removed: ${basename(folder)}`);
  return sentences;
}

function belongsTo(trace: TestRunTrace, pid: number): boolean {
  if (readProc(pid, "stat").split(") ").at(-1)?.startsWith("Z") === true) return false;
  if (readProc(pid, "environ").split("\0").includes(`${runMarkerVariable}=${trace.marker}`)) return true;
  if (readProc(pid, "cmdline").includes(trace.temporaryFolder)) return true;
  return workingFolder(pid).startsWith(trace.temporaryFolder) || hasPrivateMountOf(trace, pid);
}

/** Mounts of the run's folder count only outside our own mount namespace: there every process shows the same ones. */
function hasPrivateMountOf(trace: TestRunTrace, pid: number): boolean {
  const namespaceOf = (id: number | "self"): string => readLink(`/proc/${id}/ns/mnt`);
  const namespace = namespaceOf(pid);
  return (
    namespace !== "" && namespace !== namespaceOf("self") && readProc(pid, "mountinfo").includes(trace.temporaryFolder)
  );
}

const workingFolder = (pid: number): string => readLink(`/proc/${pid}/cwd`);

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** Empty for a process that has gone or that we may not look into. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

function ancestorsOf(pid: number): number[] {
  const parent = Number(readProc(pid, "stat").split(") ").at(-1)?.split(" ")[1] ?? 0);
  return parent > 0 ? [pid, ...ancestorsOf(parent)] : [pid];
}
