/** Keeping the store in order, over the wire. */
import type { CollectGarbageResponse, RepairRequest, SyncResponse } from "@spell/rpc";
import { callMetadata, readStream } from "@spell/rpc";
import { hashToken, newToken } from "@spell/run-lifecycle";
import { buildPack, digestOf } from "@spell/spellfs";
import { describe, expect, it } from "vitest";
import { connectAgent } from "../test-support/agent.ts";
import type { TestStream } from "../test-support/agent.ts";
import { endedRun } from "../test-support/outputs.ts";
import { commitFiles, makeFolder } from "../test-support/trees.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

async function operator(world: World): Promise<string> {
  const token = newToken("user");
  const { store } = world.services;
  await store.ensureUser({ name: "olga", email: "olga@example.org", createdAtMs: 1, operator: true });
  await store.addToken(hashToken(token), { kind: "user", userName: "olga" }, 1);
  return token;
}

async function collect(world: World, token: string, over = {}): Promise<CollectGarbageResponse[]> {
  const { storage } = world;
  const request = { dryRun: false, despiteLosses: false, ...over };
  const messages: CollectGarbageResponse[] = [];
  for await (const message of readStream(storage.collectGarbage.bind(storage), request, {
    metadata: callMetadata(token),
  })) {
    messages.push(message);
  }
  return messages;
}

describe("collecting garbage", () => {
  it("tells how far it is and what it came to, and leaves what runs wrote", async () => {
    await using world = await openWorld();
    const token = await operator(world);
    const runId = await endedRun(world, { save: "weights" });
    await commitFiles(world, { nobody: "needs this" });
    world.clock.aheadMs = 10_000;
    const foreseen = (await collect(world, token, { dryRun: true })).at(-1);
    expect(foreseen).toMatchObject({ finished: true, deadBlobs: 2, deletedObjects: 1, aliveBlobs: 2 });
    const messages = await collect(world, token);
    expect(messages.at(-1)).toEqual({ ...foreseen, step: "deleting-objects" });
    expect(messages.filter(({ finished }) => finished)).toHaveLength(1);
    expect((await collect(world, token)).at(-1)).toMatchObject({ deadBlobs: 0, deletedObjects: 0, aliveBlobs: 2 });
    const { resources } = world.services;
    const { value } = await resources.list({ kind: "user", userName: "ann" }, `runs/${runId}`);
    const names: string[] = [];
    for await (const { name } of value) names.push(name);
    expect(names).toEqual(["save"]);
  });

  it("is for operators alone", async () => {
    await using world = await openWorld();
    for (const dryRun of [true, false]) {
      await expect(collect(world, world.ann, { dryRun })).rejects.toMatchObject({
        code: "forbidden",
        reason: "operators-only",
      });
    }
  });

  it("spares what is younger than the grace period", async () => {
    await using world = await openWorld(undefined, { garbage: { graceMs: 60_000 } });
    const token = await operator(world);
    await commitFiles(world, { young: "one" });
    expect((await collect(world, token)).at(-1)).toMatchObject({ deadBlobs: 0, aliveBlobs: 2 });
  });
});

async function read<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** Answers each request that comes on the agent's stream once. */
function answerRepairs({ stream }: { stream: TestStream }, answer: (request: RepairRequest) => Promise<void>): void {
  const seen = new Set<string>();
  stream.call.on("data", (response: SyncResponse) => {
    for (const request of response.repairs.filter(({ repairId }) => !seen.has(repairId))) {
      seen.add(request.repairId);
      void answer(request);
    }
  });
}

describe("measuring and checking the store", () => {
  it("tells what takes the space, and what is lost to whom", async () => {
    await using world = await openWorld();
    const context = { metadata: callMetadata(await operator(world)) };
    const { storage } = world;
    const runId = await endedRun(world, { save: "weights" });
    await commitFiles(world, { nobody: "needs this" });
    world.clock.aheadMs = 10_000;
    const measured = await read(readStream(storage.measureStore.bind(storage), {}, context));
    expect(measured.flatMap(({ items }) => items)).toMatchObject([
      { kind: "run", owner: "ann", name: `runs/${runId}`, sharedBytes: 0 },
    ]);
    expect(measured.at(-1)).toMatchObject({
      finished: true,
      totals: { objects: 2, wasteBytes: 0, uncommittedBytes: 0 },
    });
    const check = (readData: boolean) =>
      read(readStream(storage.checkStore.bind(storage), { readData, repair: false }, context));
    expect((await check(true)).at(-1)).toMatchObject({ finished: true, lostBlobs: 0, losses: [], checkedObjects: 2 });
    const { objects } = world.services;
    for (const { key } of await read(objects.list("packs/"))) await objects.delete(key);
    const losses = (await check(false)).flatMap((message) => message.losses);
    expect(losses).toMatchObject([{ resource: `runs/${runId}`, owner: "ann", path: "", models: [] }]);
  });

  it("repairs from what a connected agent puts, whatever another one says of it", async () => {
    await using world = await openWorld();
    const context = { metadata: callMetadata(await operator(world)) };
    const { storage, agents } = world;
    const { objects } = world.services;
    const runId = await endedRun(world, { save: "weights" });
    for (const { key } of await read(objects.list("packs/"))) await objects.delete(key);
    const check = () => read(readStream(storage.checkStore.bind(storage), { readData: true, repair: true }, context));
    const cache = new Map<string, Buffer>();
    const { node } = makeFolder({ save: "weights" });
    for (const bytes of [node, Buffer.from("weights")]) cache.set(digestOf(bytes), bytes);
    const complete = agents.completeRepair.bind(agents);
    const bare = { held: [], error: "", underWay: false };
    using agent = await connectAgent(world);
    using other = await connectAgent(world);
    answerRepairs(agent, async ({ repairId, digests, putUrl }) => {
      const [digest = ""] = digests;
      const bytes = cache.get(digest) ?? Buffer.alloc(0);
      const answer = { ...bare, repairId, held: [{ digest, sizeBytes: bytes.length }] };
      if (putUrl !== "") {
        await call(complete, answer, other.token);
        await call(complete, { ...answer, underWay: true }, agent.token);
        const { content } = buildPack([{ digest: digestOf(bytes), bytes }]);
        expect((await fetch(putUrl, { method: "PUT", body: new Uint8Array(content) })).ok).toBe(true);
      }
      await call(complete, answer, agent.token);
    });
    answerRepairs(other, async ({ repairId }) => {
      await call(complete, { ...bare, repairId }, other.token);
    });
    const messages = await check();
    expect(messages.at(-1)).toMatchObject({ finished: true, lostBlobs: 0, repairedBlobs: 2, notes: [] });
    expect(messages.flatMap(({ losses }) => losses)).toMatchObject([
      { resource: `runs/${runId}`, path: "", repairedFrom: "box" },
      { resource: `runs/${runId}`, path: "save", repairedFrom: "box" },
    ]);
    expect((await check()).at(-1)).toMatchObject({ lostBlobs: 0, repairedBlobs: 0 });
    const notAnAgent = call(complete, { ...bare, repairId: "" }, world.ann);
    await expect(notAnAgent).rejects.toMatchObject({ code: "forbidden", reason: "not-an-agent" });
  });

  it("is for operators alone", async () => {
    await using world = await openWorld();
    const context = { metadata: callMetadata(world.ann) };
    const { storage } = world;
    const refusal = { code: "forbidden", reason: "operators-only" };
    await expect(read(readStream(storage.measureStore.bind(storage), {}, context))).rejects.toMatchObject(refusal);
    const checking = (repair: boolean) =>
      read(readStream(storage.checkStore.bind(storage), { readData: false, repair }, context));
    await expect(checking(false)).rejects.toMatchObject(refusal);
    await expect(checking(true)).rejects.toMatchObject(refusal);
  });
});
