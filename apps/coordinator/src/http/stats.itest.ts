/** Stats over HTTP: agents measure only what somebody looks at, every stream says its end, and nobody waits for ever. */
import { describe, expect, it, onTestFinished } from "vitest";
import { RunStats, callMetadata, readStream } from "@spell/rpc";
import { waitFor } from "@spell/testing";
import type { Lease } from "../test-support/agent.ts";
import { OFFER, connectAgent, report } from "../test-support/agent.ts";
import { ask, lines, newRun, post } from "../test-support/api.ts";
import { openRaw, rawPost } from "../test-support/raw-http.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

const GPU = { index: 1, name: "NVIDIA H200", temperature: 41, memoryBytes: 1_000 * 2 ** 20, performanceState: "P0" };

interface Sample extends Omit<Partial<RunStats>, "gpus"> {
  gpus?: Partial<RunStats["gpus"][number]>[];
}

function sample(lease: Lease, atMs: number, over: Sample = {}) {
  const stats = RunStats.fromPartial({
    ...{ atMs, cpuPercentage: 150.5, memoryBytes: 1_000, memoryTotalBytes: 4_000, networkReceivedBytes: 5 },
    ...{ networkSentBytes: 6, diskReadBytes: 7, diskWrittenBytes: 8, ...over },
  });
  return { ...OFFER, attempts: [{ ...report(lease, ["building", "running"]), stats }] };
}

const CPU = {
  ...{ cpu_percentage: 150.5, memory: 1_000, memory_total: 4_000, memory_percentage: 25 },
  ...{ network_rx: 5, network_tx: 6, block_read: 7, block_write: 8 },
};

async function startRun(world: World) {
  const agent = await connectAgent(world);
  onTestFinished(() => agent[Symbol.dispose]());
  const id = await newRun(world);
  const { lease } = await agent.stream.attemptOf(id);
  await agent.stream.ask({ ...OFFER, attempts: [report(lease, ["building", "running"])] });
  const isWanted = (wanted: boolean) =>
    agent.stream.sees(`stats ${String(wanted)}`, ({ attempts }) => attempts[0]?.stats === wanted);
  return { id, lease, stream: agent.stream, isWanted };
}

describe("what a run uses", () => {
  it("is measured for one who asks once, and no longer", async () => {
    await using world = await openWorld();
    const { id, lease, stream, isWanted } = await startRun(world);
    await isWanted(false);
    const answer = lines(world, `runs/ann/${id}/stats`, { follow: false });
    await isWanted(true);
    stream.say(sample(lease, 1, { gpus: [GPU] }));
    const gpu = {
      ...{ name: "NVIDIA H200", temperature: 41, power_draw: null, power_limit: null, gpu_utilization: null },
      ...{ memory_utilization: null, memory_used: 1_000, memory_total: null, perf_state: "P0" },
    };
    expect(await answer).toEqual([{ cpu_stats: CPU, gpu_stats: [gpu] }, { finished: true }]);
    await isWanted(false);
  });

  it("is followed, each sample once, until the run has ended", async () => {
    await using world = await openWorld();
    const { id, lease, stream, isWanted } = await startRun(world);
    const followers = Array.from({ length: 20 }, () => lines(world, `runs/ann/${id}/stats`, { follow: true }));
    await isWanted(true);
    await waitFor("all to follow", () => world.held().waits >= 20);
    stream.say(sample(lease, 1));
    stream.say(sample(lease, 1, { memoryBytes: 2 }));
    using seen = await openRaw(world, rawPost(world, `runs/ann/${id}/stats`, { follow: true }));
    await seen.sees(/"memory":1000,/);
    stream.say(sample(lease, 2, { memoryBytes: 3_000 }));
    await seen.sees(/"memory":3000,/);
    stream.say({ ...OFFER, attempts: [report(lease, ["running"], { cause: "exit", exitCode: 0 })] });
    const message = `Run ${id} is no longer running: it ended as complete.`;
    for (const answer of await Promise.all(followers)) {
      expect(answer.at(-1)).toEqual({ finished: true, message });
      expect(answer.slice(0, -1).map((line) => (line["cpu_stats"] as typeof CPU).memory)).toEqual([1_000, 3_000]);
    }
    await waitFor("nothing to be held", () => world.held().waits === 0);
    expect(world.services.stats.wanted(id)).toBe(false);
  });

  it("of a run that waits is nothing; followed it begins with the run", async () => {
    await using world = await openWorld();
    const id = await newRun(world);
    const message = `Run ${id} is not running yet: it is at machine_requested.`;
    expect(await lines(world, `runs/ann/${id}/stats`, {})).toEqual([{ finished: true, message }]);
    using seen = await openRaw(world, rawPost(world, `runs/ann/${id}/stats`, { follow: true }));
    await waitFor("the follower", () => world.services.stats.wanted(id));
    using agent = await connectAgent(world);
    const { lease, stats } = await agent.stream.attemptOf(id);
    expect(stats).toBe(true);
    agent.stream.say(sample(lease, 1));
    await seen.sees(/"memory":1000,/);
    expect(seen.received()).not.toContain("finished");
    await post(world, `runs/ann/${id}/kill`);
    agent.stream.say({ ...OFFER, attempts: [report(lease, ["running"], { cause: "kill" })] });
    await seen.sees(/"finished":true/);
    expect(await lines(world, `runs/ann/${id}/stats`, { follow: false })).toEqual([
      { finished: true, message: expect.stringMatching(/ended as killed/) },
    ]);
  });

  it("is finished when the agent is lost", async () => {
    await using world = await openWorld();
    const { id, stream, isWanted } = await startRun(world);
    const answer = lines(world, `runs/ann/${id}/stats`, { follow: true });
    await isWanted(true);
    stream[Symbol.dispose]();
    const run = await world.services.lifecycle.get({ kind: "user", userName: "ann" }, id);
    world.services.lifecycle.report = () => Promise.resolve();
    const end = { status: "interrupted" as const, reasonCode: "agent-lost", reason: "Gone.", endedAtMs: 1 };
    const lost = await world.services.store.updateRun(id, run.version, end);
    if (lost !== undefined) world.services.changes.publish(lost);
    expect((await answer).at(-1)).toMatchObject({ finished: true, message: expect.stringMatching(/interrupted/) });
  });

  it("from a silent machine is an ordinary error", { timeout: 30_000 }, async () => {
    await using world = await openWorld();
    const { id } = await startRun(world);
    expect(await ask(world, `runs/ann/${id}/stats`, { body: { follow: false } })).toMatchObject({
      status: 409,
      body: { code: "no-stats", error: expect.stringMatching(/did not say in time/) },
    });
    await waitFor("nothing to be held", () => world.held().waits === 0);
  });

  it("is nobody else's, and samples of another attempt or of nonsense change nothing", async () => {
    await using world = await openWorld();
    const { id, lease, stream, isWanted } = await startRun(world);
    for (const follow of [true, false]) {
      const answer = await ask(world, `runs/bob/${id}/stats`, { body: { follow }, token: world.bob });
      expect(answer).toMatchObject({ status: 404, body: { code: "no-such-run" } });
    }
    expect(world.services.stats.wanted(id)).toBe(false);
    const answer = lines(world, `runs/ann/${id}/stats`, { follow: false });
    await isWanted(true);
    const own = report(lease, ["running"]);
    const foreign = [
      { ...lease, token: "other" },
      { ...lease, attempt: 7 },
      { ...lease, runId: 1e6 },
    ];
    const attempts = foreign.flatMap((each, index) => sample(each, index + 1).attempts);
    await stream.ask({ ...OFFER, attempts: [own, ...attempts] });
    expect(await Promise.race([answer, Promise.resolve("waiting")])).toBe("waiting");
    stream.say(sample(lease, -3, { cpuPercentage: Number.NaN, memoryBytes: -1, memoryTotalBytes: 0 }));
    const cpu_stats = { ...CPU, cpu_percentage: 0, memory: 0, memory_total: 0, memory_percentage: 0 };
    expect(await answer).toEqual([{ cpu_stats, gpu_stats: null }, { finished: true }]);
  });

  it("comes over gRPC as it is", async () => {
    await using world = await openWorld();
    const { id, lease, stream, isWanted } = await startRun(world);
    const read = async (token: string) => {
      const method = world.stats.streamStats.bind(world.stats);
      const found = [];
      const request = { runId: id, follow: false };
      for await (const part of readStream(method, request, { metadata: callMetadata(token) })) found.push(part);
      return found;
    };
    await expect(read(world.bob)).rejects.toMatchObject({ code: "not-found" });
    const answer = read(world.ann);
    await isWanted(true);
    stream.say(sample(lease, 5, { gpus: [GPU] }));
    expect(await answer).toMatchObject([
      { stats: { atMs: 5, cpuPercentage: 150.5, gpus: [GPU] }, finished: false, message: "" },
      { finished: true, message: "" },
    ]);
  });
});
