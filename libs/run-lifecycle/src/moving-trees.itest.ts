/** Uploads and downloads on both real stores while the store stops, dies, breaks connections or gives other bytes. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "@spell/domain";
import { digestOf, openTreeCache, openUploadJournal, snapshotDirectory, uploadTree } from "@spell/spellfs";
import type { Snapshot, TransferOptions, TreeCache, UploadJournal } from "@spell/spellfs";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DRIVERS, openStoreBehindProxy } from "./test-support/store-behind-proxy.ts";
import type { StoreBehindProxy } from "./test-support/store-behind-proxy.ts";

const MIB = 1024 * 1024;
/** Enough tries for a store that starts again, none of them long. */
const patient: TransferOptions = { retries: 100, retryDelayMs: 20, stallTimeoutMs: 500 };
const quick: TransferOptions = { retries: 2, retryDelayMs: 10, stallTimeoutMs: 500 };

describe.each(DRIVERS)("a %s store", (driver) => {
  let world: StoreBehindProxy;
  let count = 0;
  beforeAll(async () => {
    world = await openStoreBehindProxy(driver);
  }, 90_000);
  afterAll(() => world[Symbol.asyncDispose](), 30_000);

  /** A tree of its own of one pack and so many large files. */
  const snapshotOf = async (largeFiles: number): Promise<Snapshot & { large: Digest }> => {
    const folder = join(world.folder, `source ${(count += 1)}`);
    mkdirSync(join(folder, "d"), { recursive: true });
    const large = randomBytes(2 * MIB);
    for (let index = 0; index < 20; index += 1) writeFileSync(join(folder, "d", `f${index}`), randomBytes(50));
    for (let index = 0; index < largeFiles; index += 1) {
      large[0] = index;
      writeFileSync(join(folder, `large${index}`), large);
    }
    large[0] = 0;
    return { ...(await snapshotDirectory({ directory: folder, gitAware: false })), large: digestOf(large) };
  };
  const stored = async (largeFiles: number): Promise<Snapshot & { large: Digest }> => {
    const snapshot = await snapshotOf(largeFiles);
    await uploadTree(snapshot, world.transport, quick);
    return snapshot;
  };
  const openCache = async (): Promise<TreeCache & { path: string }> => {
    const path = join(world.folder, `cache ${(count += 1)}`);
    return Object.assign(await openTreeCache({ directory: path }), { path });
  };
  const expectTree = async (path: string, root: Digest): Promise<void> => {
    expect((await snapshotDirectory({ directory: path, gitAware: false })).root).toBe(root);
  };
  /** What a fresh machine gets. */
  const expectWhole = async (root: Digest): Promise<void> => {
    await expectTree(await (await openCache()).ensureTree(root, world.transport, quick), root);
  };
  const expectNothingIn = (cache: { path: string }): void => {
    for (const folder of ["trees", "tmp"]) expect(readdirSync(join(cache.path, folder)), folder).toEqual([]);
  };
  const reads = (): string[] => world.proxy.of("GET").map(({ path, range }) => `${path} ${range ?? ""}`);

  it("is asked once for each range by ten attempts of one machine, and once by each of two machines", async () => {
    const one = await stored(3);
    const [agent, other] = [await openCache(), await openCache()];
    world.proxy.requests.length = 0;
    const attempts = Array.from({ length: 10 }, () => agent.ensureTree(one.root, world.transport, quick));
    const paths = await Promise.all([...attempts, other.ensureTree(one.root, world.transport, quick)]);
    expect(new Set(paths).size).toBe(2);
    for (const path of new Set(paths)) await expectTree(path, one.root);
    const byRange = Object.values(Object.groupBy(reads(), (read) => read)).map((same) => same?.length);
    // Three large files and the pack, of each machine.
    expect(byRange).toEqual([2, 2, 2, 2]);
  });

  it.each([
    ["one byte other", (body: Buffer) => Buffer.concat([body.subarray(0, -1), Buffer.from([(body.at(-1) ?? 0) ^ 1])])],
    ["fewer bytes", (body: Buffer) => body.subarray(0, body.length >> 1)],
    ["no bytes", () => Buffer.alloc(0)],
    ["more bytes", (body: Buffer) => Buffer.concat([body, randomBytes(1000)])],
    ["other bytes and more of them", (body: Buffer) => randomBytes(body.length + 1000)],
  ])("that gives %s once is asked again, and the tree is right", async (_what, change) => {
    const { root } = await stored(1);
    const cache = await openCache();
    const fault = { kind: "other-answer", change } as const;
    world.proxy.faults.GET.push(fault, fault);
    await expectTree(await cache.ensureTree(root, world.transport, quick), root);
    expect(world.proxy.faults.GET).toEqual([]);
    expect(readdirSync(join(cache.path, "tmp"))).toEqual([]);
  });

  it("that breaks connections in the middle of an answer is asked for the rest", async () => {
    const { root } = await stored(1);
    world.proxy.faults.GET.push(...[0, 100, MIB].map((afterBytes) => ({ kind: "cut-answer", afterBytes }) as const));
    await expectWhole(root);
  });

  it.each<[string, (body: Uint8Array) => Uint8Array | undefined]>([
    ["other bytes", (body) => body.map((byte) => byte ^ 1)],
    ["fewer bytes", (body) => body.subarray(0, body.length >> 1)],
    ["no bytes", () => new Uint8Array()],
    ["no such object", () => undefined],
  ])(
    "that has lost an object (%s) is named with the digest at once, and nothing is laid out",
    async (_what, damage) => {
      const { root, large } = await stored(1);
      const [place] = await world.store.findBlobs([large]);
      const key = place?.objectKey ?? "";
      const left = damage(await world.objects.get(key));
      await (left === undefined ? world.objects.delete(key) : world.objects.put(key, left));
      const cache = await openCache();
      const failed = cache.ensureTree(root, world.transport, quick);
      await expect(failed).rejects.toMatchObject({ code: "data-loss", message: expect.stringContaining(large) });
      expectNothingIn(cache);
      expect(cache.hasBlob(large)).toBe(false);
    },
  );

  it("that breaks connections in the middle of a put is sent it again, and has whole objects only", async () => {
    const snapshot = await snapshotOf(2);
    world.proxy.faults.PUT.push(...[0, 100, MIB].map((afterBytes) => ({ kind: "cut-request", afterBytes }) as const));
    await uploadTree(snapshot, world.transport, quick);
    expect(world.proxy.faults.PUT).toEqual([]);
    await expectWhole(snapshot.root);
  });

  it("that is down when an upload begins is waited for within bounds, with what to do", async () => {
    const snapshot = await snapshotOf(1);
    await world.kill();
    try {
      await expect(uploadTree(snapshot, world.transport, quick)).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringMatching(/3 times.*Try again when the object store is back/),
      });
      expect(await world.trees.hasTree(snapshot.root)).toBe(false);
      world.proxy.requests.length = 0;
      const upload = uploadTree(snapshot, world.transport, patient);
      await waitFor("some tries", () => world.proxy.of("PUT").length > 3);
      await world.startAgain();
      await upload;
    } finally {
      await world.kill();
      await world.startAgain();
    }
    await expectWhole(snapshot.root);
  }, 60_000);

  it.each(["SIGKILL", "SIGSTOP"] as const)(
    "that meets %s in the middle of a put is sent it again",
    async (end) => {
      const snapshot = await snapshotOf(3);
      const middle = Promise.withResolvers<void>();
      world.proxy.onBody = (method, bytes) => method === "PUT" && bytes > MIB / 2 && middle.resolve();
      const upload = uploadTree(snapshot, world.transport, patient);
      await middle.promise;
      if (end === "SIGKILL") await world.kill();
      else world.signal("SIGSTOP");
      world.proxy.requests.length = 0;
      await waitFor("a further try", () => world.proxy.of("PUT").length > 0);
      if (end === "SIGKILL") await world.startAgain();
      else world.signal("SIGCONT");
      await upload;
      await expectWhole(snapshot.root);
    },
    60_000,
  );

  it("that is down when all is put and nothing committed costs no second sending", async () => {
    const snapshot = await snapshotOf(2);
    const journal = openUploadJournal({ journals: join(world.folder, "journals"), coordinator: driver, folder: "/x" });
    const failing = {
      ...world.transport,
      commitTree: async () => {
        await world.kill();
        throw new Error("killed before the commit");
      },
    };
    await expect(uploadTree(snapshot, failing, { ...quick, journal })).rejects.toThrow("killed before");
    expect(await world.trees.hasTree(snapshot.root)).toBe(false);
    await world.startAgain();
    world.proxy.requests.length = 0;
    await uploadTree(snapshot, world.transport, { ...quick, journal });
    expect(world.proxy.of("PUT")).toEqual([]);
    await expectWhole(snapshot.root);
  }, 60_000);

  it("takes a large file in parts, each once, also when the upload breaks off; what does not fit is put again", async () => {
    const folder = join(world.folder, `source ${(count += 1)}`);
    mkdirSync(folder);
    const large = randomBytes(65 * MIB);
    writeFileSync(join(folder, "large"), large);
    const snapshot = await snapshotDirectory({ directory: folder, gitAware: false });
    const { multiparts } = world.transport;
    if (multiparts === undefined) throw new Error("no parts");
    const journal = openUploadJournal({ journals: join(world.folder, "journals"), coordinator: driver, folder });
    const breaking = {
      ...world.transport,
      multiparts: { ...multiparts, complete: () => Promise.reject(new Error("cut")) },
    };
    world.proxy.requests.length = 0;
    await expect(uploadTree(snapshot, breaking, { ...quick, journal })).rejects.toThrow("cut");
    // Of one object: all others are put once.
    const puts = (): number[] => {
      const paths = world.proxy.of("PUT").map(({ path }) => path);
      return [...new Set(paths)].map((path) => paths.filter((each) => each === path).length).filter((each) => each > 1);
    };
    expect(puts()).toEqual([5]);
    world.proxy.requests.length = 0;
    const doubtful: UploadJournal = {
      ...journal,
      multipart: (digest) => {
        const known = journal.multipart(digest);
        const parts = known?.parts.map((part) => (part.number === 2 ? { ...part, prefix: "other bytes" } : part));
        return known && { ...known, parts: parts ?? [] };
      },
    };
    const resumed = await uploadTree(snapshot, world.transport, { ...quick, journal: doubtful });
    expect(world.proxy.of("PUT")).toHaveLength(1);
    expect(resumed.uploadedBytes).toBe(16 * MIB);
    await expectWhole(snapshot.root);
  }, 60_000);

  it("never has an object of a large file that changes while it is put", async () => {
    const folder = join(world.folder, `source ${(count += 1)}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "large"), randomBytes(65 * MIB));
    const snapshot = await snapshotDirectory({ directory: folder, gitAware: false });
    writeFileSync(join(folder, "large"), randomBytes(65 * MIB));
    const upload = uploadTree(snapshot, world.transport, quick);
    await expect(upload).rejects.toMatchObject({ code: "conflict", reason: "file-changed" });
    for (const { usedAtMs, ...multipart } of await world.store.multiparts.list({ after: "", limit: 100 })) {
      // What is here yet was completed before.
      expect(usedAtMs).toBeGreaterThan(0);
      expect(await world.objects.find(multipart.objectKey)).toBeDefined();
    }
    expect(await world.trees.hasTree(snapshot.root)).toBe(false);
  }, 60_000);

  it("takes one tree of two clients at once, and gives it whole", async () => {
    const snapshot = await snapshotOf(4);
    await Promise.all([0, 1].map(() => uploadTree(snapshot, world.transport, quick)));
    await expectWhole(snapshot.root);
  });
});
