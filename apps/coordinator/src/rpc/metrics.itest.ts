/** Metrics over gRPC: agents bring them under their lease, each once; clients read them and wait. */
import { describe, expect, it } from "vitest";
import { StreamMetricsRequest, WaitMetricRequest, callMetadata, readStream } from "@spell/rpc";
import type { MetricPoint, StreamMetricsResponse } from "@spell/rpc";
import { waitFor } from "@spell/testing";
import { connectAgent } from "../test-support/agent.ts";
import { newRun } from "../test-support/api.ts";
import { commitPoints, point, startSendingRun } from "../test-support/metrics.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

const STALE = { code: "stale-lease" };

/** All messages of a stream. */
async function read(world: World, request: Partial<StreamMetricsRequest>, token = world.ann) {
  const method = world.metrics.streamMetrics.bind(world.metrics);
  const context = { metadata: callMetadata(token) };
  const messages: StreamMetricsResponse[] = [];
  const stream = readStream(method, { ...StreamMetricsRequest.create(), ...request }, context);
  for await (const message of stream) messages.push(message);
  return messages;
}

function wait(world: World, request: Partial<WaitMetricRequest>, token = world.ann) {
  return call(world.metrics.waitMetric.bind(world.metrics), { ...WaitMetricRequest.create(), ...request }, token);
}

function number(value: number) {
  return { $case: "number" as const, value };
}

describe("an agent", () => {
  it("may bring points again, and learns how many are recorded", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    expect(await run.send("loss", 1, 2, 3)).toBe(3);
    expect(await commitPoints(world, { ...run, firstNumber: 0 }, [])).toBe(3);
    const overlapping = [2, 3, 4].map((value) => point(value - 1, "loss", value));
    expect(await commitPoints(world, { ...run, firstNumber: 1 }, overlapping)).toBe(4);
    expect(await commitPoints(world, { ...run, firstNumber: 9 }, [point(9, "loss", 9)])).toBe(4);
    const recorded = await world.services.store.metrics.listPoints(run.id, "loss");
    expect(recorded.map(({ value }) => value)).toEqual([1, 2, 3, 4]);
  });

  it("brings points for the attempt it holds only", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    using other = await connectAgent(world);
    const { lease, token } = run;
    const points = [point(0, "loss", 1)];
    await expect(commitPoints(world, { lease, token: other.token, firstNumber: 0 }, points)).rejects.toMatchObject(
      STALE,
    );
    for (const wrong of [{ token: "guessed" }, { attempt: 2 }, { runId: run.id + 1 }]) {
      const attempt = { lease: { ...lease, ...wrong }, token, firstNumber: 0 };
      await expect(commitPoints(world, attempt, points)).rejects.toMatchObject(STALE);
    }
    const asUser = { lease, token: world.ann, firstNumber: 0 };
    await expect(commitPoints(world, asUser, points)).rejects.toMatchObject({ code: "forbidden" });
    await run.end();
    await expect(commitPoints(world, { ...run, firstNumber: 0 }, points)).rejects.toMatchObject(STALE);
    expect(await world.services.store.metrics.names(run.id)).toEqual([]);
  });

  it.each<[string, Partial<MetricPoint>]>([
    ["without a value", { value: undefined }],
    ["that is not finite", { value: number(Number.NaN) }],
    ["that is infinite", { value: number(-Infinity) }],
    ["without a name", { name: "" }],
    ["with a huge name", { name: "n".repeat(100_000) }],
    ["with a huge text", { value: { $case: "text", value: "t".repeat(100_000) } }],
    ["from no time", { atUs: 0 }],
    ["from the far future", { atUs: Number.MAX_SAFE_INTEGER }],
  ])("cannot bring a point %s, nor what came with it", async (_what, over) => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    const points = [point(0, "loss", 1), { ...point(1, "loss", 1), ...over }];
    const bringing = commitPoints(world, { ...run, firstNumber: 0 }, points);
    await expect(bringing).rejects.toMatchObject({ code: "invalid-input" });
    expect(await commitPoints(world, { ...run, firstNumber: 0 }, [])).toBe(0);
  });

  it("cannot begin before the first point", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    const bringing = commitPoints(world, { ...run, firstNumber: -1 }, [point(0, "loss", 1)]);
    await expect(bringing).rejects.toMatchObject({ code: "invalid-input" });
  });
});

describe("a client", () => {
  it("reads from any time on, live until the end", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    const all = [1, 2, 3, 4].map((value) => point(value - 1, "loss", value));
    await run.send("loss", 1, 2);
    const metrics = [{ name: "loss", afterUs: all[0]?.atUs ?? 0 }];
    const following = read(world, { runId: run.id, metrics, follow: true });
    await waitFor("somebody to follow", () => world.held().waits === 1);
    await run.send("loss", 3, 4);
    await run.end();
    const messages = await following;
    expect(messages.flatMap(({ points }) => points)).toEqual(all.slice(1));
    expect(messages.map(({ finished }) => finished).lastIndexOf(false)).toBe(messages.length - 2);
    expect(await read(world, { runId: run.id, metrics: [{ name: "loss", afterUs: 0 }] })).toEqual([
      { points: all, finished: false },
      { points: [], finished: true },
    ]);
  });

  it("waits until a value is as asked, or never will be", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    const reaching = wait(world, { runId: run.id, name: "loss", condition: "lt", value: number(0.5) });
    const missing = wait(world, { runId: run.id, name: "loss", condition: "lt", value: number(0.1) });
    await waitFor("both to wait", () => world.held().waits === 2);
    await run.send("loss", 0.4);
    expect(await reaching).toEqual({ reached: true, message: "" });
    await run.end(1);
    const message = `Run ${run.id} has ended as failed and its metric "loss" never was less than 0.1: the last number was 0.4.`;
    expect(await missing).toEqual({ reached: false, message });
  });

  it("is told what is wrong with its request, and nothing of what others have", async () => {
    await using world = await openWorld();
    const runId = await newRun(world);
    const wrong = { code: "invalid-input" };
    await expect(read(world, { runId })).rejects.toMatchObject(wrong);
    await expect(wait(world, { runId, name: "loss", condition: "lt" })).rejects.toMatchObject(wrong);
    const infinite = { runId, name: "loss", condition: "lt", value: number(Infinity) };
    await expect(wait(world, infinite)).rejects.toMatchObject(wrong);
    const absent = { code: "not-found", reason: "no-such-run" };
    await expect(read(world, { runId, metrics: [{ name: "loss", afterUs: 0 }] }, world.bob)).rejects.toMatchObject(
      absent,
    );
    const fine = { name: "loss", condition: "lt", value: number(1) };
    await expect(wait(world, { runId, ...fine }, world.bob)).rejects.toMatchObject(absent);
    await expect(wait(world, { runId: 99, ...fine })).rejects.toMatchObject(absent);
  });
});
