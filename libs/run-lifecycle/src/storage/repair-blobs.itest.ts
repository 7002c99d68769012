/** A check that repairs takes lost blobs from agents' caches, whatever agents say: never other bytes, never less than before. */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import { createS3Store } from "@spell/object-store/s3";
import { buildPack, digestOf } from "@spell/spellfs";
import { startMinio } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { makeTree } from "../test-support/make-tree.ts";
import type { Files } from "../test-support/make-tree.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";
import { TreeCatalog } from "../tree-catalog.ts";
import { AgentRepairs } from "./agent-repairs.ts";
import type { PendingRepair } from "./agent-repairs.ts";
import { checkStore } from "./check-store.ts";
import type { CheckProgress } from "./check-store.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { RepairBlobs } from "./repair-blobs.ts";

type Cache = Map<Digest, Uint8Array>;
interface Answer {
  held: { digest: string; sizeBytes: number }[];
  error?: string;
}
/** What an agent makes of a request; undefined: it is silent. */
type Agent = (request: PendingRepair) => Promise<Answer | undefined>;

interface Outcome {
  last: CheckProgress | undefined;
  lost: string[];
  repaired: string[];
  notes: string[];
}

async function check(
  { world, objects, repairs }: Farm,
  { readData = false, repair = true }: { readData?: boolean; repair?: boolean } = {},
): Promise<Outcome> {
  const { store } = world;
  const outcome: Outcome = { last: undefined, lost: [], repaired: [], notes: [] };
  const patience = { askMs: 300, putMs: 300 };
  const options = { readData, repair: repair ? new RepairBlobs({ store, objects, repairs, patience }) : undefined };
  for await (const progress of checkStore({ store, objects }, options)) {
    const { loss, note } = progress;
    if (loss?.repairedFrom !== undefined) outcome.repaired.push(`${loss.resource}: ${loss.path} ${loss.repairedFrom}`);
    else if (loss !== undefined) outcome.lost.push(`${loss.resource}: ${loss.path}`);
    if (note !== undefined) outcome.notes.push(note);
    outcome.last = progress;
  }
  return { ...outcome, lost: outcome.lost.sort(), repaired: outcome.repaired.sort() };
}

interface Farm {
  world: World;
  objects: ObjectStore;
  repairs: AgentRepairs;
  /** Connects one; it answers as said. */
  agent(name: string, answer: Agent): Promise<void>;
  /** Answers as an agent that has this in its cache. */
  honest(cache: Cache, over?: { spoil(object: Buffer): void }): Agent;
  /** An upload whose blobs lie in objects of their own, or all in one, and all of its bytes. */
  upload(name: string, files: Files, layout?: "packed"): Promise<{ root: Digest; cache: Cache }>;
  lose(...digests: (Digest | string)[]): Promise<void>;
}

const keyOf = async (world: World, digest: Digest): Promise<string> => {
  return (await world.store.garbage.findByDigest([digest]))[0]?.objectKey ?? "";
};
const sha = (text: string): Digest => digestOf(Buffer.from(text));

function start(world: World, real: ObjectStore = world.objects): Farm {
  // Only the URLs of the directory store lead nowhere here.
  const putUrl = (key: string): Promise<string> => Promise.resolve(`put:${key}`);
  const objects =
    real === world.objects
      ? new Proxy(real, { get: (of, key) => (key === "presignPut" ? putUrl : bound(of, key)) })
      : real;
  const repairs = new AgentRepairs(world.sessions);
  const put = async (url: string, body: Buffer): Promise<void> => {
    if (url.startsWith("put:")) return real.put(url.slice(4), body);
    expect((await fetch(url, { method: "PUT", body: new Uint8Array(body) })).ok).toBe(true);
  };
  return {
    ...{ world, objects, repairs },
    agent: async (name, answer) => {
      const id = `agent ${name}`;
      await world.store.addToken(`join ${name}`, { kind: "join" }, 1);
      const record = { id, name, machineTypes: [], createdAtMs: 1, lastSeenAtMs: 1, placement: "open" as const };
      await world.store.joinAgent(`join ${name}`, record, `token ${name}`);
      const session = world.connect(id, {});
      const seen = new Set<string>();
      session.push = () => {
        for (const request of repairs.pending(id)) {
          if (seen.has(request.id)) continue;
          seen.add(request.id);
          void answer(request).then((said) => {
            if (said !== undefined) repairs.complete(request.id, { agentId: id, error: "", underWay: false, ...said });
          });
        }
      };
    },
    honest: (cache, over) => async (request) => {
      const held = request.digests.flatMap((digest) => {
        const sizeBytes = cache.get(digest)?.byteLength;
        return sizeBytes === undefined ? [] : { digest, sizeBytes };
      });
      if (request.putUrl !== undefined && held.length === request.digests.length) {
        const blobs = request.digests.map((digest) => ({ digest, bytes: cache.get(digest) ?? Buffer.alloc(0) }));
        const object = Buffer.from(buildPack(blobs).content);
        over?.spoil(object);
        await put(request.putUrl, object);
      }
      return { held };
    },
    upload: async (name, files, layout) => {
      const { root, nodes, object, body } = makeTree(files);
      const cache: Cache = new Map();
      for (const { digest, offset, sizeBytes } of object.blobs) {
        cache.set(digest, body.subarray(offset, offset + sizeBytes));
      }
      const apart = object.blobs.map(({ digest, sizeBytes }) => {
        return { objectKey: `packs/${randomUUID()}`, sizeBytes, blobs: [{ digest, offset: 0, sizeBytes }] };
      });
      const parts = layout === "packed" ? [object] : apart;
      for (const { objectKey, blobs } of parts) {
        await real.put(objectKey, Buffer.concat(blobs.map(({ digest }) => cache.get(digest) ?? Buffer.alloc(0))));
      }
      await new TreeCatalog(world.store, real).commitTree({ root, objects: parts, nodes });
      await world.store.uploads.addUpload({ owner: "ann", name, tree: root, fileCount: 1, sizeBytes: 1 }, 1);
      return { root, cache };
    },
    lose: async (...digests) => {
      for (const digest of digests) await real.delete(await keyOf(world, digest as Digest));
    },
  };
}

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === "function" ? (value.bind(target) as unknown) : value;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

const FILES = { a: "alpha", b: "beta", d: { c: "gamma", e: { f: "delta" } } };

describe("a check that repairs", () => {
  it("stores again what agents have between them, folders and what lies below them too, and is done the second time", async () => {
    await using world = await openWorld();
    const farm = start(world);
    const { cache, root } = await farm.upload("data", FILES);
    const halves: [Cache, Cache] = [new Map(), new Map()];
    [...cache].forEach(([digest, bytes], index) => halves[index % 2]?.set(digest, bytes));
    await farm.agent("left", farm.honest(halves[0]));
    await farm.agent("right", farm.honest(halves[1]));
    await farm.lose(...cache.keys());
    expect((await check(farm, { repair: false })).lost).toEqual(["uploads/data: "]);
    const { last, lost, repaired, notes } = await check(farm, { readData: true });
    expect({ lost, notes }).toEqual({ lost: [], notes: [] });
    expect(last).toMatchObject({ lostBlobs: 0, repairedBlobs: cache.size, checkedBlobs: cache.size });
    expect(last?.repairedBytes).toBe([...cache.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0));
    expect(repaired.map((line) => line.replace(/ (left|right)$/, ""))).toEqual(
      ["", "a", "b", "d", "d/c", "d/e", "d/e/f"].map((path) => `uploads/data: ${path}`),
    );
    const again = await check(farm, { readData: true });
    expect(again).toMatchObject({ lost: [], repaired: [], last: { repairedBlobs: 0 } });
    expect(Buffer.concat(await all(world.trees.readFile(sha("delta")))).toString()).toBe("delta");
    expect(await world.trees.entries(root)).toHaveLength(3);
  });

  it("leaves the old places to the collector, which leaves the new ones alone", async () => {
    await using world = await openWorld();
    const farm = start(world);
    const { cache } = await farm.upload("data", FILES);
    await farm.agent("box", farm.honest(cache));
    const damaged = await keyOf(world, sha("alpha"));
    await world.objects.put(damaged, Buffer.from("ALPHA"));
    expect((await check(farm)).repaired).toEqual([]);
    expect((await check(farm, { readData: true })).repaired).toEqual(["uploads/data: a box"]);
    world.clock.nowMs = Date.now() + 1_000;
    const collecting = { graceMs: 0, dryRun: false, despiteLosses: false };
    const deps = { store: world.store, objects: world.objects, now: () => world.clock.nowMs };
    const steps = await all(collectGarbage(deps, collecting));
    expect(steps.at(-1)).toMatchObject({ deadBlobs: 0, deletedObjects: 1 });
    expect(await world.objects.find(damaged)).toBeUndefined();
    expect(await check(farm, { readData: true })).toMatchObject({ lost: [], repaired: [] });
  });

  it("says what remains lost when nobody has it, or nobody is there", async () => {
    await using world = await openWorld();
    const farm = start(world);
    const { cache } = await farm.upload("data", FILES);
    await farm.lose(sha("alpha"), sha("gamma"));
    const lost = ["uploads/data: a", "uploads/data: d/c"];
    expect(await check(farm)).toMatchObject({ lost, repaired: [], notes: [], last: { lostBlobs: 2 } });
    await farm.agent("box", farm.honest(new Map([...cache].filter(([digest]) => digest !== sha("gamma")))));
    const outcome = await check(farm);
    expect(outcome).toMatchObject({ lost: ["uploads/data: d/c"], repaired: ["uploads/data: a box"], notes: [] });
    expect(outcome.last).toMatchObject({ lostBlobs: 1, repairedBlobs: 1, repairedBytes: 5 });
  });

  it("takes nothing from agents that lie, and goes on with those that do not", async () => {
    await using world = await openWorld();
    const farm = start(world);
    const { cache } = await farm.upload("data", FILES);
    const wrong: Cache = new Map([...cache].map(([digest, bytes]) => [digest, Buffer.alloc(bytes.byteLength, "x")]));
    const claim = farm.honest(cache);
    const asked: PendingRepair[] = [];
    await farm.agent("bytes", farm.honest(wrong));
    await farm.agent("footer", farm.honest(cache, { spoil: (object) => object.fill(0, object.length - 9) }));
    await farm.agent("sizes", async ({ digests }) => ({
      held: digests.flatMap((digest) => [Number.NaN, -1, 1e300].map((sizeBytes) => ({ digest, sizeBytes }))),
    }));
    await farm.agent("nothing", async (request) => (request.putUrl === undefined ? claim(request) : { held: [] }));
    await farm.agent("empty", async (request) =>
      request.putUrl === undefined
        ? claim(request)
        : {
            held: request.digests.map((digest) => ({ digest, sizeBytes: 1 })),
          },
    );
    await farm.agent("refusing", async () => ({ held: [], error: "I would rather not." }));
    await farm.agent("silent", () => Promise.resolve(undefined));
    await farm.agent("stuck", async (request) => (request.putUrl === undefined ? claim(request) : undefined));
    await farm.agent("other", async () => ({
      held: [
        { digest: sha("never asked"), sizeBytes: 1 },
        { digest: "../..", sizeBytes: 1 },
      ],
    }));
    const before = await keyOf(world, sha("alpha"));
    await farm.lose(sha("alpha"), sha("beta"));
    const first = await check(farm);
    expect(first).toMatchObject({ lost: ["uploads/data: a", "uploads/data: b"], repaired: [] });
    expect(first.notes.sort()).toEqual([
      "The agent bytes put other bytes than those that were asked for.",
      "The agent empty said that it had put what it had not.",
      "The agent footer put other bytes than those that were asked for.",
      "The agent refusing could not give what it has: I would rather not.",
      "The agent silent did not answer in 1 s.",
      "The agent stuck did not answer in 1 s.",
    ]);
    expect(await keyOf(world, sha("alpha"))).toBe(before);
    await farm.agent("honest", async (request) => {
      asked.push(request);
      return claim(request);
    });
    expect((await check(farm)).repaired).toEqual(["uploads/data: a honest", "uploads/data: b honest"]);
    expect(asked).toHaveLength(2);
    expect(await check(farm, { readData: true })).toMatchObject({ lost: [], repaired: [] });
  });

  it("asks for many in bounded messages, and puts small ones together", async () => {
    await using world = await openWorld();
    const farm = start(world);
    const many = Object.fromEntries(Array.from({ length: 1_100 }, (_, index) => [`f${index}`, `text ${index}`]));
    const { root, cache } = await farm.upload("many", many, "packed");
    await farm.lose(root);
    const sizes: number[] = [];
    const honest = farm.honest(cache);
    await farm.agent("box", (request) => {
      sizes.push(request.digests.length);
      return honest(request);
    });
    const { last, repaired } = await check(farm);
    expect(last).toMatchObject({ lostBlobs: 0, repairedBlobs: 1_101 });
    expect(repaired).toHaveLength(100);
    expect(sizes).toEqual([1, 1, 500, 500, 500, 500, 100, 100]);
    expect(await check(farm, { readData: true })).toMatchObject({ lost: [] });
  });

  it("can be left at any step, and goes on the next time", async () => {
    await using world = await openWorld();
    const farm = start(world);
    const { cache } = await farm.upload("data", FILES);
    await farm.agent("box", farm.honest(cache));
    await farm.lose(...cache.keys());
    for (let steps = 1; ; steps += 1) {
      const { store } = world;
      const { objects, repairs } = farm;
      const repair = new RepairBlobs({ store, objects, repairs });
      const checking = checkStore({ store, objects }, { readData: true, repair });
      let done = false;
      for (let step = 0; step < steps && !done; step += 1) done = (await checking.next()).done === true;
      await checking.return();
      expect(repairs.pending("agent box")).toEqual([]);
      if (done) break;
    }
    expect(await check(farm, { readData: true, repair: false })).toMatchObject({ lost: [], last: { lostBlobs: 0 } });
  });

  it("works the same on an S3 store, and takes a store that is away for no loss", async () => {
    await using minio = await startMinio();
    await using world = await openWorld();
    const objects = createS3Store({ ...minio, bucket: "spell", timeoutMs: 2_000 });
    await objects.ensureBucket();
    const farm = start(world, objects);
    const large = "large ".repeat(500_000);
    const { cache } = await farm.upload("data", { ...FILES, large });
    await farm.agent("box", farm.honest(cache));
    await farm.lose(...cache.keys());
    expect((await check(farm)).last).toMatchObject({ lostBlobs: 0, repairedBlobs: cache.size });
    expect(await check(farm, { readData: true })).toMatchObject({ lost: [], repaired: [] });
    await farm.lose(sha("alpha"));
    await farm.agent("closer", async (request) => {
      if (request.putUrl !== undefined) await minio.stop();
      return { held: request.digests.map((digest) => ({ digest, sizeBytes: 5 })) };
    });
    world.sessions.disconnect(world.connect("agent box", {}));
    await expect(check(farm)).rejects.toMatchObject({ code: "unavailable" });
  }, 60_000);
});
