/** kill -9 in the middle of writes: what was promised is there, and nothing is there by half. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { tempFolder } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { openSqliteRunStore } from "./sqlite-run-store.ts";

const fixture = fileURLToPath(new URL("crash.fixture.ts", import.meta.url));

/** Runs the writer on the record, kills it after so many promises; the numbers that it printed. */
async function writeAndKill(path: string, afterLines: number): Promise<number[]> {
  const child = spawn(process.execPath, [fixture, path], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const promised: number[] = [];
  try {
    // The lines that it printed before its death are read to the end.
    for await (const line of createInterface({ input: child.stdout })) {
      promised.push(Number(line));
      if (promised.length === afterLines) child.kill("SIGKILL");
    }
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
  expect(child.signalCode).toBe("SIGKILL");
  return promised;
}

describe("kill -9 of the coordinator", () => {
  it("loses no write that was answered and leaves none by half, again and again", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    const promised: number[] = [];
    for (const afterLines of [1, 40, 113]) promised.push(...(await writeAndKill(path, afterLines)));
    expect(promised.length).toBeGreaterThanOrEqual(154);
    expect(new Set(promised).size).toBe(promised.length);

    const store = openSqliteRunStore(path);
    try {
      const runs = await store.listRuns({ owner: "crash", pageSize: 1_000_000 });
      const assigned = new Set(runs.filter((run) => run.attempt === 1).map((run) => run.id));
      expect(promised.filter((id) => !assigned.has(id))).toEqual([]);
      expect(runs.map((run) => run.id).sort((left, right) => left - right)).toEqual(runs.map((_, index) => index + 1));
      for (const run of runs) {
        const log = await store.describeLog(run.id);
        const began = run.attempt === 1;
        const texts = began ? ["one", "two", "three", "four"] : ["one", "two", "three"];
        expect(log?.before.map((entry) => entry.text)).toEqual(texts);
        expect(log?.attempts).toHaveLength(run.attempt);
        expect(run.status).toBe(began ? "building" : "machine_requested");
        expect((await store.findWorkflow(run.workflowId ?? 0))?.managingRunId).toBe(run.id);
      }
      expect((await store.listHeld("a1")).length + (await store.listQueued(1_000_000)).length).toBe(runs.length);
    } finally {
      await store.close();
    }
  });
});
