import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { tempFolder, waitFor } from "@spell/testing";
import { endLeftovers, leftProcesses, runMarkerVariable } from "./leftovers.ts";

/** A process in a session of its own, as a daemon that escaped its test would be. */
function startStray(env: NodeJS.ProcessEnv, args: string[] = []): number {
  const child = spawn("sh", ["-c", "while :; do sleep 1; done", ...args], { env, detached: true, stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  if (child.pid === undefined) throw new Error("sh did not start");
  return child.pid;
}

test("finds a stray by the marker or by the folder in its command line, ends it and names it", async () => {
  await using folder = await tempFolder();
  const trace = { marker: `test-${process.pid}`, temporaryFolder: folder.path };
  const path = process.env["PATH"];
  const byMarker = startStray({ PATH: path, [runMarkerVariable]: trace.marker });
  const byFolder = startStray({ PATH: path }, [join(folder.path, "data")]);
  const stranger = startStray({ PATH: path, [runMarkerVariable]: "another" });
  await waitFor("both strays", () => {
    const pids = leftProcesses(trace).map(({ pid }) => pid);
    return pids.includes(byMarker) && pids.includes(byFolder);
  });
  await mkdir(join(folder.path, "spell-test-left"));

  const sentences = endLeftovers(trace).join("\n");
  expect(sentences).toContain(`process ${byMarker} was still running: sh -c`);
  expect(sentences).toContain(`process ${byFolder} was still running`);
  expect(sentences).toContain("folder not removed: spell-test-left");
  expect(sentences).not.toContain(`process ${stranger} `);
  await waitFor("their end", () => leftProcesses(trace).length === 0);
});
