/** Parts killed, or fallen silent, while somebody looks at what a run uses: the looking goes on, or says how the run ended. */
import type { RunStats } from "@spell/sdk";
import { waitFor } from "@spell/testing";
import type { RunningCommand } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";

const MEMORY = 60_000_000;
const BUSY = `python3 -c 'b = bytearray(b"1") * ${MEMORY}
while True: pass'`;
const IDLE = "sleep 600";

/** Those printed so far; what is not whole yet is left out. */
function printed(reader: RunningCommand): { timestamp: string; memory_bytes: number }[] {
  const lines = reader.stdout().split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as { timestamp: string; memory_bytes: number });
}

/** Notes what the SDK gives, until its end. */
function collect(samples: AsyncIterable<RunStats>): { seen: RunStats[]; done: Promise<void> } {
  const seen: RunStats[] = [];
  const read = async (): Promise<void> => {
    for await (const sample of samples) seen.push(sample);
  };
  return { seen, done: read() };
}

const isRising = (times: readonly number[]): boolean =>
  times.every((time, at) => at === 0 || time > (times[at - 1] ?? 0));

describe("while what a run uses is followed", { timeout: 90_000 }, () => {
  test.each(["coordinator", "agent", "nats-server"] as const)("the %s killed: it goes on", async (part) => {
    await using farm = await Farm.start();
    using client = farm.client();
    const run = await client.runs.create({ command: BUSY });
    await run.waitStatus("running");
    const sdk = collect(run.stats({ follow: true }));
    using reader = farm.startSpell(["stats", "-f", "--json", String(run.id)]);
    await waitFor("a few samples", () => sdk.seen.length >= 2 && printed(reader).length >= 2);

    await farm.killAndWait(part);
    const restartedAt = Date.now();
    const isSince = (atMs: number): boolean => atMs > restartedAt;
    await waitFor("samples of after", () => sdk.seen.filter(({ atMs }) => isSince(atMs)).length >= 2);
    await waitFor("lines of after", () => printed(reader).some(({ timestamp }) => isSince(Date.parse(timestamp))));
    expect(sdk.seen.at(-1)?.memoryBytes).toBeGreaterThan(MEMORY);
    expect(sdk.seen.at(-1)?.cpuPercentage).toBeGreaterThan(5);

    await run.kill();
    await sdk.done;
    expect(await reader.done).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining(`Run ${run.id} is no longer running: it ended as killed.\n`),
    });
    expect(sdk.seen.map(({ atMs }) => atMs)).toSatisfy(isRising);
    expect(printed(reader).map(({ timestamp }) => Date.parse(timestamp))).toSatisfy(isRising);
  });

  test("the agent silent beyond its lease: it ends as the log does", async () => {
    await using farm = await Farm.start({ args: ["--lease-seconds", "4"] });
    using client = farm.client();
    const run = await client.runs.create({ command: IDLE });
    await run.waitStatus("running");
    using reader = farm.startSpell(["stats", "-f", "--json", String(run.id)]);
    using log = farm.startSpell(["logs", "-f", String(run.id)]);
    await waitFor("a sample", () => printed(reader).length >= 1);
    const agent = farm.pidOf("agent");
    process.kill(agent, "SIGSTOP");
    try {
      expect(await reader.done).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining(`Run ${run.id} is no longer running: it ended as interrupted.\n`),
      });
      expect((await log.done).stdout).toContain("interrupted");
    } finally {
      process.kill(agent, "SIGCONT");
    }
  });

  test("the coordinator gone for good: one who looks once is told, one who follows hears of it and can leave", async () => {
    await using farm = await Farm.start();
    using client = farm.client();
    const run = await client.runs.create({ command: IDLE });
    await run.waitStatus("running");
    using reader = farm.startSpell(["stats", "-f", "--json", String(run.id)]);
    await waitFor("a sample", () => printed(reader).length >= 1);
    await farm.killAll();
    await waitFor("a note", () => reader.stderr().includes("Lost the connection to Spell"));
    reader.signal("SIGINT");
    expect((await reader.done).exitCode).toBe(0);
    const once = await farm.spell(["stats", String(run.id)]);
    expect(once).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringMatching(/coordinator|Spell/) });
    // So that the run is ended in order; the ports are others.
    await farm.up();
    using back = farm.client();
    await (await back.runs.get(run.id)).kill();
  });
});
