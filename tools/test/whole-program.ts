/** A program of the repository under test as a whole, as a user starts it, with a look for what it leaves behind. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot, tempFolder } from "@spell/testing";
import { endLeftovers, runMarkerVariable } from "./leftovers.ts";

export interface WholeProgram extends AsyncDisposable {
  /** TMPDIR of everything it starts. */
  folder: string;
  child: ChildProcess;
  exitCode: Promise<number | null>;
  output(): string;
  /** What it left, one sentence each; ended by then. */
  leftovers(): string[];
}

/** Starts a script of the repository; disposing ends it and whatever is left. `args` may depend on the folder. */
export async function startWholeProgram(
  script: string,
  args: (folder: string) => readonly string[],
): Promise<WholeProgram> {
  const folder = await tempFolder();
  const trace = { marker: `whole-${folder.path}`, temporaryFolder: folder.path };
  const child = spawn(process.execPath, [join(repositoryRoot, script), ...args(folder.path)], {
    cwd: folder.path,
    env: {
      ...process.env,
      TMPDIR: folder.path,
      [runMarkerVariable]: trace.marker,
      LANG: "C.UTF-8",
      LC_ALL: "C.UTF-8",
      // A farm that the user works with otherwise: must not be touched.
      SPELL_COORDINATOR: "127.0.0.1:1",
      SPELL_TOKEN: "another-farm",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (said: string) => (output += said));
  }
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    ...{ folder: folder.path, child, exitCode },
    output: () => output,
    leftovers: () => endLeftovers(trace),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exitCode;
      endLeftovers(trace);
      await folder[Symbol.asyncDispose]();
    },
  };
}
