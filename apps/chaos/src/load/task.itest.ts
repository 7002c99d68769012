/** The commands do what the verdict takes for granted: executed by a shell here, with a real ledger. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort, startCommand, tempFolder } from "@spell/testing";
import type { CommandResult } from "@spell/testing";
import { expect, test } from "vitest";
import { seeded } from "../random.ts";
import { Ledger } from "./ledger.ts";
import type { Input, Task } from "./task.ts";
import { INPUT_FILE, OUTPUT_FILE, WRONG_INPUT, commandOf, digestOf, linesOf, makeTask, secondOf } from "./task.ts";

const task: Task = { ...makeTask(1, seeded(1, "load")), lines: 5, pauseMs: 0, fileLines: 2_000, exitCode: 3 };

async function execute(command: string, cwd: string): Promise<CommandResult> {
  using running = startCommand("bash", ["--norc", "-c", command], { cwd, env: { PATH: process.env["PATH"] } });
  return await running.done;
}

test("a command prints, writes, exits and tells the ledger as its task says", async () => {
  await using folder = await tempFolder();
  const address = { host: "127.0.0.1", port: await freePort() };
  await using ledger = await Ledger.open(address, () => 5);
  const { exitCode, stdout, stderr } = await execute(commandOf(task, address), folder.path);
  expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: "" });
  expect(stdout.trimEnd().split("\n")).toEqual(linesOf(task));
  const written = readFileSync(join(folder.path, OUTPUT_FILE));
  expect(createHash("sha256").update(written).digest("hex")).toBe(digestOf(task));
  expect(ledger.notes.map(({ what, value: code, atMs }) => [what, code, atMs])).toEqual([
    ["started", undefined, 5],
    ["ended", 3, 5],
  ]);
  await execute(commandOf(task, address), folder.path);
  expect(new Set(ledger.notes.map(({ execution }) => execution)).size).toBe(2);
});

test("a second command refuses an input with other bytes", async () => {
  await using folder = await tempFolder();
  const address = { host: "127.0.0.1", port: await freePort() };
  await using ledger = await Ledger.open(address, () => 0);
  const input: Input = { digest: createHash("sha256").update("right").digest("hex") };
  const command = commandOf(secondOf(task), address, input);
  writeFileSync(join(folder.path, INPUT_FILE), "right");
  expect(await execute(command, folder.path)).toMatchObject({ exitCode: 0 });
  writeFileSync(join(folder.path, INPUT_FILE), "wrong");
  expect(await execute(command, folder.path)).toMatchObject({ exitCode: WRONG_INPUT });
  expect(ledger.notes.at(-1)).toMatchObject({ what: "ended", value: WRONG_INPUT });
});

test("the ledger takes a repeated note once, and no other words", async () => {
  const address = { host: "127.0.0.1", port: await freePort() };
  await using ledger = await Ledger.open(address, () => 0);
  const say = (line: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(address.port, address.host, () => socket.write(`${line}\n`));
      socket
        .on("data", () => undefined)
        .on("end", resolve)
        .on("error", reject);
    });
  // As one whose command is killed.
  const broken = connect(address.port, address.host);
  await new Promise((resolve) => broken.on("connect", resolve));
  broken.resetAndDestroy();
  for (const line of ["t1 1.1 started", "t1 1.1 started", "nonsense", "t1 1.1 stolen"]) await say(line);
  expect(ledger.notes).toHaveLength(1);
});
