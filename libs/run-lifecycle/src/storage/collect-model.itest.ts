/**
 * Every order of things: a collector beside clients that upload, commit and create runs, somebody who removes uploads, time that
 * passes, and a crash at any step. Whatever happened, all that the record knows is whole; and what is dead goes in the next collection.
 */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "@spell/domain";
import { SpellError, hasCode } from "@spell/domain";
import type { ObjectInfo, ObjectStore } from "@spell/object-store";
import { createDirectoryStore } from "@spell/object-store/directory";
import type { Marks, RunStore } from "@spell/run-store";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import { decodeNode, digestOf } from "@spell/spellfs";
import { tempFolder } from "@spell/testing";
import type { TempFolder } from "@spell/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Interleaving } from "../test-support/interleaving.ts";
import { makeTree, pack } from "../test-support/make-tree.ts";
import type { Files, MadeTree } from "../test-support/make-tree.ts";
import { bareSpec } from "../test-support/records.ts";
import { TreeCatalog } from "../tree-catalog.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { DeleteDeps } from "./delete-objects.ts";

const GRACE_MS = 1_000_000;
const DAY_ONE = 1_700_000_000_000;

/** What is there at the start, all of it old. One is an upload; nothing names the others. */
const OLD: Files[] = [
  { a: "shared", sub: { b: "below", deep: { c: "deepest" } } },
  { a: "shared", only: "in the second" },
];
/** What clients bring: things that were dead, new things, and both. */
const BROUGHT: Files[] = [
  { a: "shared", sub: { b: "below", deep: { c: "deepest" } } },
  { sub: { b: "below", deep: { c: "deepest" } }, fresh: "new" },
  { deep: { c: "deepest" } },
  { only: "in the second", more: { a: "shared" } },
];

/** A bug, built in to see that it is found. */
type Bug = "no-barrier" | "incomplete-marks" | "objects-first" | "no-grace";

/** One actor goes so far; then another one takes over. */
interface Turn {
  next: number;
  calls: number;
  /** The clock jumps by more than the grace period before. */
  later: boolean;
}

interface Play {
  turns: Turn[];
  crashAt: number | undefined;
  clients: number[];
  bug?: Bug;
  /** Told how many calls were played. */
  onPlayed?: (calls: number) => void;
}

class Model {
  nowMs = DAY_ONE;
  readonly failures: string[] = [];
  readonly store: RunStore;
  readonly objects: ObjectStore;
  readonly trees: TreeCatalog;
  readonly bug: Bug | undefined;
  /** When objects were put, by the clock of the test. */
  readonly #putAtMs: Map<string, number>;

  constructor(store: RunStore, objects: ObjectStore, putAtMs: Map<string, number>, bug?: Bug) {
    this.#putAtMs = putAtMs;
    this.bug = bug;
    this.store = store;
    this.objects = objects;
    this.trees = new TreeCatalog(store, this.timed(objects), () => this.nowMs);
  }

  /** Objects that were put when the clock of the test says. */
  timed(objects: ObjectStore): ObjectStore {
    const at = (info: ObjectInfo): ObjectInfo => ({ ...info, modifiedAtMs: this.#putAtMs.get(info.key) ?? 0 });
    return {
      ...objects,
      put: async (key, body) => {
        await objects.put(key, body);
        this.#putAtMs.set(key, this.nowMs);
      },
      list: async function* (prefix) {
        for await (const info of objects.list(prefix)) yield at(info);
      },
    };
  }

  /** Uploads what is missing, commits and creates a run, and begins anew when it is told that something is gone. */
  async client(files: Files, asUpload: boolean): Promise<void> {
    const made = makeTree(files);
    for (let left = 4; ; left -= 1) {
      let committedAtMs: number | undefined;
      try {
        committedAtMs = await this.#upload(made);
        const trees = this.trees;
        const named = asUpload ? made.root : await trees.wrap("code", made.root);
        if (asUpload) await this.#nameUpload(made.root);
        else
          await this.store.createRun({ ...newRun(), spec: { ...bareSpec(), codeTree: named, codeRoot: "code" } }, "");
        return;
      } catch (error) {
        if (!(error instanceof SpellError) || !GONE.includes(error.reason)) throw error;
        if (committedAtMs !== undefined && this.nowMs - committedAtMs < GRACE_MS) {
          this.failures.push(`lost within the grace period: ${error.message}`);
        }
        if (left === 0) throw error;
      }
    }
  }

  collector(): AsyncGenerator<unknown> {
    const deps: DeleteDeps = { store: this.store, objects: this.timed(this.objects), now: () => this.nowMs };
    const graceMs = this.bug === "no-grace" ? -1 : GRACE_MS;
    const options = { graceMs, dryRun: false, despiteLosses: false };
    return collectGarbage(this.bug === undefined ? deps : withBug(deps, this.bug), options);
  }

  /** When it was asked for by the latest: a call may take longer than any grace period. */
  async #upload({ root, nodes, object, body }: MadeTree): Promise<number> {
    const askedAtMs = this.nowMs;
    const { missing } = await this.trees.findMissing(
      object.blobs.map(({ digest }) => digest),
      1,
    );
    if (missing.length === 0) return askedAtMs;
    const lacks = new Set(missing);
    const sent = pack(
      object.blobs
        .filter(({ digest }) => lacks.has(digest))
        .map(({ offset, sizeBytes }) => body.subarray(offset, offset + sizeBytes)),
    );
    await this.timed(this.objects).put(sent.object.objectKey, sent.body);
    const news = nodes.filter((bytes) => lacks.has(digestOf(bytes)));
    const sentAtMs = this.nowMs;
    await this.trees.commitTree({ root, objects: [sent.object], nodes: news });
    return sentAtMs;
  }

  async #nameUpload(tree: Digest): Promise<void> {
    await this.trees.measure(tree);
    const name = `named-${Math.random()}`;
    await this.store.uploads.addUpload({ owner: "ann", name, tree, fileCount: 1, sizeBytes: 1 }, this.nowMs);
  }
}

const GONE = ["missing-blob", "missing-object", "no-such-tree"];

const newRun = () => ({
  ...{ owner: "ann", runType: "user" as const, labels: [], requestHash: "", createdAtMs: 1, notices: [] },
});

/** The same with a mistake in it. */
function withBug(deps: DeleteDeps, bug: Bug): DeleteDeps {
  const real = deps.store.garbage;
  const garbage: typeof real = new Proxy(real, {
    get: (_target, key) => {
      if (key === "watch" && bug === "no-barrier")
        return (marks: Marks | undefined) => real.watch(marks && deafened(marks));
      if (key === "condemn" && bug === "incomplete-marks") {
        return (collection: number, marks: Marks, nowMs: number) => {
          Object.defineProperty(marks, "isComplete", { get: () => true });
          return real.condemn(collection, marks, nowMs);
        };
      }
      if (key === "mark" && bug === "no-barrier") {
        return async (...given: Parameters<typeof real.mark>) => {
          hearing = true;
          const absent = await real.mark(...given);
          hearing = false;
          return absent;
        };
      }
      if (key === "noteDead" && bug === "objects-first") {
        return async (...given: Parameters<typeof real.noteDead>) => {
          const { marks } = given[1];
          for (const { objectKey } of await real.listObjectUses({ after: "", limit: 1_000 })) {
            const blobs = await real.listObjectBlobs(objectKey);
            if (blobs.every(({ id }) => !marks.has(id))) await deps.objects.delete(objectKey);
          }
          return real.noteDead(...given);
        };
      }
      const value: unknown = Reflect.get(real, key);
      return typeof value === "function" ? (value.bind(real) as unknown) : value;
    },
  });
  return { ...deps, store: { ...deps.store, garbage } };
}

let hearing = false;

/** Marks that hear nothing of what others write. */
function deafened(marks: Marks): Marks {
  const mark = marks.mark.bind(marks);
  marks.mark = (id, asNode) => (hearing ? mark(id, asNode) : undefined);
  return marks;
}

/** Whether all that the record knows is whole. */
async function whatIsBroken(store: RunStore, objects: ObjectStore): Promise<string[]> {
  const broken: string[] = [];
  for (const blob of await store.garbage.listBlobs({ afterId: 0, limit: 10_000 })) {
    if ((await store.findBlobs([blob.digest])).length === 0) continue;
    const range = { offset: blob.offset, length: blob.sizeBytes };
    const bytes = await objects.get(blob.objectKey, range).catch((error: unknown) => {
      if (hasCode(error, "not-found")) return undefined;
      throw error;
    });
    if (bytes === undefined || digestOf(bytes) !== blob.digest) broken.push(`the bytes of ${blob.digest}`);
    else if (blob.isNode) {
      for (const entry of decodeNode(bytes)) {
        const found = entry.kind === "symlink" ? 1 : (await store.findBlobs([entry.digest])).length;
        if (found === 0) broken.push(`${entry.name} in ${blob.digest}`);
      }
    }
  }
  for (const source of ["runs", "uploads"] as const) {
    const { references } = await store.garbage.listReferences(source, { limit: 1_000, committedSinceMs: 0 });
    for (const { digest, name } of references) {
      if ((await store.findNodes([digest])).length === 0) broken.push(`${source} ${name}`);
    }
  }
  return broken;
}

let start: TempFolder;

beforeAll(async () => {
  start = await tempFolder("spell-collect-start-");
  const store = openSqliteRunStore(join(start.path, "record.db"));
  const model = new Model(store, await openObjects(start.path), new Map());
  model.nowMs = DAY_ONE - 10 * GRACE_MS;
  for (const files of OLD) {
    const made = makeTree(files);
    await model.timed(model.objects).put(made.object.objectKey, made.body);
    await model.trees.commitTree({ root: made.root, objects: [made.object], nodes: made.nodes });
  }
  const upload = { owner: "ann", name: "old", tree: makeTree(OLD[0] ?? {}).root, fileCount: 1, sizeBytes: 1 };
  expect((await store.uploads.addUpload(upload, 1))?.id).toBe(1);
  await store.close();
});

afterAll(() => start[Symbol.asyncDispose]());

function openObjects(folder: string): Promise<ObjectStore> {
  const secret = "the secret of a store that nobody reaches";
  return createDirectoryStore({ root: join(folder, "objects"), publicUrl: "http://127.0.0.1:1", secret });
}

/** Plays it; what went wrong. */
async function play({ turns, crashAt, clients, bug, onPlayed }: Play): Promise<string[]> {
  await using folder = await tempFolder("spell-collect-");
  await cp(start.path, folder.path, { recursive: true });
  const path = join(folder.path, "record.db");
  const objects = await openObjects(folder.path);
  let store = openSqliteRunStore(path);
  try {
    const putAtMs = new Map<string, number>();
    const order = new Interleaving();
    const gated = order.gated("store", store, ["garbage", "uploads"]);
    const model = new Model(gated, order.gated("objects", objects), putAtMs, bug);
    const errors: unknown[] = [];
    const go = (actor: Promise<unknown>): void => void actor.catch((error: unknown) => errors.push(error));
    for (const [index, which] of clients.entries()) {
      go(model.client(BROUGHT[which % BROUGHT.length] ?? {}, index % 2 === 1));
    }
    go(gated.uploads.removeUpload(1));
    const collecting = async (): Promise<void> => {
      for await (const _step of model.collector()) continue;
    };
    go(collecting());
    const left = [...turns];
    let calls = 0;
    const choose = (count: number): number => {
      // Whoever was let through last waits behind all others.
      if (calls > 0) {
        calls -= 1;
        return count - 1;
      }
      const turn = left.shift();
      calls = turn?.calls ?? 0;
      if (turn?.later === true) model.nowMs += 2 * GRACE_MS;
      return (turn?.next ?? 0) % Math.max(1, count);
    };
    await order.play(choose, crashAt);
    onPlayed?.(order.played.length);
    // The end of the process: whatever waits at a gate never goes on.
    await store.close();
    store = openSqliteRunStore(path);
    const problems = [...model.failures, ...errors.map(String), ...(await whatIsBroken(store, objects))];
    if (bug !== undefined) return problems;

    const after = new Model(store, objects, putAtMs);
    after.nowMs = model.nowMs + 3 * GRACE_MS;
    for (const round of [1, 2]) {
      for await (const _step of after.collector()) continue;
      problems.push(...(await whatIsBroken(store, objects)).map((what) => `after collection ${round}: ${what}`));
    }
    problems.push(...(await whatIsLeft(store, objects)));
    return problems;
  } finally {
    await store.close();
  }
}

/** Rows and objects that nothing needs. */
async function whatIsLeft(store: RunStore, objects: ObjectStore): Promise<string[]> {
  const trees = new TreeCatalog(store, objects);
  const needed = new Set<Digest>();
  for (const source of ["runs", "uploads"] as const) {
    const { references } = await store.garbage.listReferences(source, { limit: 1_000, committedSinceMs: 0 });
    for (const { digest } of references) {
      for await (const { nodes, objects: sources } of trees.read(digest)) {
        for (const bytes of nodes) needed.add(digestOf(bytes));
        for (const blob of sources.flatMap(({ blobs }) => blobs)) needed.add(blob.digest);
      }
    }
  }
  const rows = await store.garbage.listBlobs({ afterId: 0, limit: 10_000 });
  const left = rows.filter(({ digest }) => !needed.has(digest)).map(({ digest }) => `the dead blob ${digest} is left`);
  const used = new Set(rows.map(({ objectKey }) => objectKey));
  for await (const { key } of objects.list("packs/")) if (!used.has(key)) left.push(`the empty object ${key} is left`);
  return left;
}

const plays = fc.record({
  turns: fc.array(fc.record({ next: fc.nat(4), calls: fc.nat(30), later: fc.nat(7).map((one) => one === 0) }), {
    ...{ minLength: 1, maxLength: 12 },
  }),
  crashAt: fc.option(fc.nat(120), { nil: undefined }),
  clients: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
});

describe("whatever comes in between", () => {
  it("nothing that is named is lost, and what is dead goes", async () => {
    await fc.assert(
      fc.asyncProperty(plays, async (given) => {
        expect(await play(given)).toEqual([]);
      }),
      { numRuns: Number(process.env["SPELL_COLLECT_PLAYS"] ?? 100) },
    );
  }, 3_600_000);
});

describe("a crash", () => {
  it.each([[[]], [[0, 3]]])(
    "after each call of a collector beside clients %j harms nothing",
    async (clients) => {
      // Everybody in turn, and the collector alone when it is the only one.
      const turns = Array.from({ length: 200 }, (_, index) => ({ next: index, calls: 0, later: false }));
      let crashAt = 0;
      for (let played = 0; played === crashAt; crashAt += 1) {
        expect(await play({ turns, crashAt, clients, onPlayed: (calls) => (played = calls + 1) })).toEqual([]);
      }
      expect(crashAt).toBeGreaterThan(20);
    },
    240_000,
  );
});

/** With the seed each is found within some plays; another finds it, too, but may need thousands. */
describe("a collector with a bug", () => {
  it.each<[Bug, number]>([
    ["no-barrier", 2],
    ["incomplete-marks", 1],
    ["objects-first", 3],
    ["no-grace", -1_986_956_099],
  ])(
    "%s is found",
    async (bug, seed) => {
      const found = await fc.check(
        fc.asyncProperty(plays, async (given) => (await play({ ...given, bug })).length === 0),
        { numRuns: 1_000, endOnFailure: true, seed },
      );
      expect(found.failed).toBe(true);
    },
    240_000,
  );
});
