/** A farm whose runs have limits: each end is named after the limit that it came from, and the machine serves the next run. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { readLog, readRun } from "../support/records.ts";
import { run } from "../support/run.ts";
import { startSpell } from "../support/spell.ts";

let farm: Farm;
let code: string;

beforeAll(async () => {
  const limits = ["--memory-per-slot", "128MiB", "--max-processes", "200", "--disk-per-run", "20MiB"];
  farm = await Farm.start({ args: ["--cpu-slots", "2", ...limits] });
  code = join(farm.folder, "code");
  mkdirSync(code);
});

afterAll(() => farm[Symbol.asyncDispose]());

const eats = (mebibytes: number): string =>
  `python3 -c 'import time; x = bytearray(${mebibytes} << 20); time.sleep(60)'`;

test("memory: the run knows its limit, is ended above it, and what it wrote is kept", async () => {
  const { id, output } = await run(farm, code, `echo $SPELL_MEMORY_LIMIT_BYTES | tee kept.txt; ${eats(300)}`);
  expect(output).toContain(String(128 * 2 ** 20));
  expect(await readRun(farm.place, id)).toMatchObject({
    ...{ status: "failed", user_exit_code: 137, reason_code: "out-of-memory" },
    reason: expect.stringContaining("128 MiB") as string,
  });
  const kept = await run(farm, code, "-m", `runs/${id}/kept.txt:kept.txt`, "cat kept.txt");
  expect(kept.output).toBe(`${128 * 2 ** 20}\n`);
});

test("the disk: the run is ended above its quota", async () => {
  const { id } = await run(farm, code, "head -c 40000000 /dev/zero > /tmp/big; sleep 60");
  expect(await readRun(farm.place, id)).toMatchObject({
    ...{ status: "failed", reason_code: "disk-quota" },
    reason: expect.stringContaining("20 MiB") as string,
  });
});

test("a command that ends with 0 is complete, whatever happened to a process of it", async () => {
  const { id } = await run(farm, code, `${eats(300)}; for i in $(seq 210); do sleep 9 & done 2>/dev/null; exit 0`);
  const { status, reason_code } = await readRun(farm.place, id);
  const notices = (await readLog(farm.place, id)).map(({ log }) => log).join("\n");
  if (status === "complete") expect(notices).toContain("(out-of-memory)");
  // Where the kernel does not keep limits the agent ends the run as a whole.
  else expect(reason_code).toMatch(/^(out-of-memory|too-many-processes)$/);
  expect(notices.includes("limit of 200 processes") || reason_code !== "exit-code").toBe(true);
});

test("a machine whose disk is nearly full takes no run, and the run that waits for it says why", async () => {
  const { stdout } = await farm.spell(["agent", "token"]);
  const [, ...words] = stdout.trim().split(" ");
  const agent = startSpell({ login: join(farm.folder, "full login") }, [
    ...[...words, "--data", join(farm.folder, "full"), "--name", "full", "--machine-type", "FULL"],
    ...["--cpu-slots", "0", "--control-slots", "0", "--disk-reserve", "1000TiB"],
  ]);
  try {
    await agent.sees("Connected as");
    using client = farm.client();
    // The other machine could take no run of this type either, so that this one alone decides.
    const waiting = await client.runs.create({ command: "true", machineType: "FULL" });
    await waitFor("the reason", async () => {
      const { status, reason } = (await waiting.refresh()).record;
      return status === "machine_requested" && /disk-full.*keeps 1000 TiB free/.test(reason);
    });
    await waiting.kill();
    expect(await readRun(farm.place, waiting.id)).toMatchObject({ reason_code: "cancelled-before-start" });
  } finally {
    agent.signal("SIGINT");
    await agent.done;
  }
});
