/** How the doctor looks at one thing: run a program, ask for a port, measure a disk. None of them changes anything. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

/** What a program answered. */
export interface Answer {
  ok: boolean;
  /** First line of what it printed. */
  line: string;
}

/** Runs a short command without input; a missing program is an answer too. */
export function ask(command: string, args: readonly string[]): Answer {
  const result = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 20_000 });
  const text = result.error === undefined ? `${result.stdout}\n${result.stderr}`.trim() : result.error.message;
  return { ok: result.status === 0, line: text.split("\n")[0] ?? "" };
}

/** The program's path on PATH or in the system's folders. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/go/bin"];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Whether we could listen on this loopback port now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Bytes an ordinary user may still write where this folder lies. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** The first dotted number in a text: "git version 2.39.5" → "2.39.5". */
export function versionIn(text: string): string {
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? "unknown version";
}

/** Whether `found` is at least `wanted`, both dotted numbers. */
export function isAtLeast(found: string, wanted: string): boolean {
  return found.localeCompare(wanted, "en", { numeric: true }) >= 0;
}
