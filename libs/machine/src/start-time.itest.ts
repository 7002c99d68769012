import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { startTimeOf } from "./start-time.ts";

test("is the same for the whole life of a process, whatever its name, and ends with it", async () => {
  const child = spawn("/bin/sh", ["-c", "printf 'a) R 1 (b' > /proc/self/comm; echo named; exec cat"]);
  const pid = child.pid ?? 0;
  const first = startTimeOf(pid);
  expect(first).toMatch(/^\d+$/);
  await once(child.stdout, "data");
  expect(startTimeOf(pid)).toBe(first);
  child.kill("SIGKILL");
  await waitFor("its end", () => startTimeOf(pid) === undefined);
});

test("of a process that has ended but was not collected is none", async () => {
  // The shell becomes a program that never waits for its child; the child ends only after that, when it is told.
  const parent = spawn("/bin/sh", ["-c", "exec 3<&0; cat <&3 >/dev/null & echo $!; exec sleep 60"]);
  try {
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const zombie = Number(line.toString());
    await waitFor("the shell to become sleep", () => readFileSync(`/proc/${parent.pid}/comm`, "utf8") === "sleep\n");
    expect(startTimeOf(zombie)).toMatch(/^\d+$/);
    parent.stdin.end();
    await waitFor("the zombie", () => startTimeOf(zombie) === undefined);
    expect(() => process.kill(zombie, 0)).not.toThrow();
  } finally {
    parent.kill("SIGKILL");
  }
});
