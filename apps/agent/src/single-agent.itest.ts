import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder, waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { lockDataFolder } from "./single-agent.ts";

const fieldsOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];

test("a folder is another agent's while that lives, and free once it has ended, collected by its parent or not", async () => {
  await using folder = await tempFolder();
  const lock = join(folder.path, "agent.pid");
  // A parent that never collects its child, as the first process of a container may be.
  const parent = spawn("sh", ["-c", "sleep 600 & echo $!; exec sleep 600"], { detached: true });
  try {
    let said = "";
    parent.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const pid = await waitFor("the child", () => Number(said));
    // Until then the shell might still collect it.
    await waitFor("the shell to become sleep", () => readFileSync(`/proc/${parent.pid}/comm`, "utf8") === "sleep\n");
    writeFileSync(lock, `${pid} ${fieldsOf(pid)[19] ?? ""}`);
    expect(() => lockDataFolder(folder.path)).toThrow(`Agent ${pid} already works in ${folder.path}`);
    process.kill(pid, "SIGKILL");
    await waitFor("its end", () => fieldsOf(pid)[0] === "Z");
    lockDataFolder(folder.path);
    expect(readFileSync(lock, "utf8")).toMatch(new RegExp(`^${process.pid} \\d+$`));
  } finally {
    process.kill(-(parent.pid ?? 0), "SIGKILL");
  }
});

test("a number that was given to another process since does not count", async () => {
  await using folder = await tempFolder();
  writeFileSync(join(folder.path, "agent.pid"), `${process.ppid} 1`);
  expect(() => lockDataFolder(folder.path)).not.toThrow();
});
