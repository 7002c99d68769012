/**
 * Stores again what is lost, from the caches of agents: asks all of them which of the blobs they hold, has one of those put them, hashes
 * what was put, and only then records that they lie there. May end after any step: what was put and not recorded is garbage.
 */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import { messageOf } from "@spell/domain";
import type { NumberedBlob } from "@spell/run-store";
import { digestOf, encodePackFooter, isPack, objectBytes, placesOf, planObjects } from "@spell/spellfs";
import pLimit from "p-limit";
import { readBlob } from "../read-blob.ts";
import { PACK_PREFIX } from "../check-put.ts";
import { MOST_DIGESTS } from "./agent-repairs.ts";
import type { AgentRepairs, HeldBlob, RepairAsk } from "./agent-repairs.ts";
import type { CheckDeps } from "./check-objects.ts";
import { isLoss } from "./check-trees.ts";

export interface RepairDeps extends CheckDeps {
  repairs: AgentRepairs;
  /** How long an agent may be silent, milliseconds: asked what it has, and putting it. Default: what suits real ones. */
  patience?: { askMs: number; putMs: number };
}

/** An agent only looks into its folders. */
const ASK_MS = 15_000;
/** It looks through all of its trees. */
const ASK_NODES_MS = 120_000;
const PUT_MS = 60_000;
/** All of an object may take as long as over a slow line. */
const BYTES_PER_MS = 100;
const ASKED_AT_ONCE = 32;
/** Each may be a pack in memory while it is checked. */
const PUT_AT_ONCE = 4;
const URL_SECONDS = 3_600;
const TICK_MS = 250;

/** The blobs of one object, and who is to put it. */
interface Order {
  agentId: string;
  blobs: NumberedBlob[];
}

/** One repair. */
export class RepairBlobs {
  /** By the names of the agents that gave them. */
  readonly repaired = new Map<Digest, string>();
  repairedBytes = 0;
  readonly #deps: RepairDeps;
  readonly #tried = new Set<Digest>();
  /** Those that failed once are not asked again. */
  readonly #failed = new Set<string>();
  readonly #notes: string[] = [];

  constructor(deps: RepairDeps) {
    this.#deps = deps;
  }

  /** Tries each blob once; gives now and then a sign that it goes on. */
  async *repair(lost: readonly NumberedBlob[]): AsyncGenerator<void, void, undefined> {
    const fresh = lost.filter(({ digest }) => !this.#tried.has(digest));
    const [nodes, files] = [fresh.filter(({ isNode }) => isNode), fresh.filter(({ isNode }) => !isNode)];
    for (const kind of [nodes, files]) yield* this.#repairKind(kind);
  }

  async *#repairKind(fresh: readonly NumberedBlob[]): AsyncGenerator<void, void, undefined> {
    for (let start = 0; start < fresh.length; start += MOST_DIGESTS) {
      const part = fresh.slice(start, start + MOST_DIGESTS);
      for (const { digest } of part) this.#tried.add(digest);
      const over = new AbortController();
      const working = this.#repairPart(part, over.signal);
      try {
        yield* signsOf(working);
      } finally {
        over.abort();
        await working.catch(() => undefined);
      }
    }
  }

  /** What agents could not do since the last call, as sentences. */
  takeNotes(): string[] {
    return this.#notes.splice(0);
  }

  async #repairPart(blobs: readonly NumberedBlob[], signal: AbortSignal): Promise<void> {
    const holders = await this.#findHolders(blobs, signal);
    for (;;) {
      signal.throwIfAborted();
      const orders = this.#plan(blobs, holders);
      if (orders.length === 0) return;
      const limit = pLimit(PUT_AT_ONCE);
      // One object at a time of each agent: it has runs to see to.
      await allDone(
        [...Map.groupBy(orders, ({ agentId }) => agentId).values()].map((own) =>
          limit(async () => {
            for (const order of own) await this.#carryOut(order, holders, signal);
          }),
        ),
      );
    }
  }

  /** Who says to have which blob, with its very size. */
  async #findHolders(blobs: readonly NumberedBlob[], signal: AbortSignal): Promise<Map<Digest, string[]>> {
    const sizes = new Map(blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
    const holders = new Map<Digest, string[]>();
    const limit = pLimit(ASKED_AT_ONCE);
    const { repairs, patience } = this.#deps;
    const nodes = blobs.some(({ isNode }) => isNode);
    const askMs = patience?.askMs ?? (nodes ? ASK_NODES_MS : ASK_MS);
    const agents = repairs.agents().filter((agentId) => !this.#failed.has(agentId));
    await allDone(
      agents.map((agentId) =>
        limit(async () => {
          const held = await this.#ask(agentId, {
            ...{ digests: [...sizes.keys()], nodes },
            silenceMs: askMs,
            limitMs: askMs,
            signal,
          });
          for (const { digest, sizeBytes } of held ?? []) {
            if (sizes.get(digest) === sizeBytes) holders.set(digest, [...(holders.get(digest) ?? []), agentId]);
          }
        }),
      ),
    );
    return holders;
  }

  /** Undefined, and the agent is not asked again, when it does not answer. */
  async #ask(agentId: string, ask: RepairAsk): Promise<HeldBlob[] | undefined> {
    try {
      return await this.#deps.repairs.ask(agentId, ask);
    } catch (error) {
      ask.signal.throwIfAborted();
      await this.#fail(agentId, messageOf(error));
      return undefined;
    }
  }

  async #fail(agentId: string, why: string): Promise<void> {
    if (this.#failed.has(agentId)) return;
    this.#failed.add(agentId);
    this.#notes.push(`The agent ${await this.#nameOf(agentId)} ${why}.`);
  }

  #plan(blobs: readonly NumberedBlob[], holders: ReadonlyMap<Digest, string[]>): Order[] {
    const byAgent = new Map<string, NumberedBlob[]>();
    for (const blob of blobs) {
      if (this.repaired.has(blob.digest)) continue;
      const agentId = holders.get(blob.digest)?.find((each) => !this.#failed.has(each));
      if (agentId !== undefined) byAgent.set(agentId, [...(byAgent.get(agentId) ?? []), blob]);
    }
    return [...byAgent].flatMap(([agentId, own]) => planObjects(own).map((part) => ({ agentId, blobs: part })));
  }

  /** Afterwards the blobs are repaired, or this agent does not count as their holder any more. */
  async #carryOut({ agentId, blobs }: Order, holders: Map<Digest, string[]>, signal: AbortSignal): Promise<void> {
    if (this.#failed.has(agentId)) return;
    const digests = blobs.map(({ digest }) => digest);
    const sizeBytes = objectBytes(blobs);
    const objectKey = `${PACK_PREFIX}${randomUUID()}`;
    const putUrl = await this.#deps.objects.presignPut(objectKey, URL_SECONDS);
    const silenceMs = this.#deps.patience?.putMs ?? PUT_MS;
    const limitMs = silenceMs + Math.ceil(sizeBytes / BYTES_PER_MS);
    const held = await this.#ask(agentId, { digests, nodes: false, putUrl, silenceMs, limitMs, signal });
    if (held === undefined) return;
    if (held.length < blobs.length) {
      const sound = new Set(held.map(({ digest }) => digest));
      for (const digest of digests) {
        if (sound.has(digest)) continue;
        holders.set(digest, holders.get(digest)?.filter((each) => each !== agentId) ?? []);
      }
      return;
    }
    const found = await this.#deps.objects.find(objectKey);
    if (found?.sizeBytes !== sizeBytes) return this.#fail(agentId, "said that it had put what it had not");
    const places = movesTo(objectKey, blobs);
    if (!(await this.#isSound(objectKey, places)))
      return this.#fail(agentId, "put other bytes than those that were asked for");
    await this.#record(objectKey, places, agentId);
  }

  /** Whether the object is what was asked for: each blob, and the footer of a pack. */
  async #isSound(objectKey: string, places: readonly Move[]): Promise<boolean> {
    const { objects } = this.#deps;
    const blobs = places.map(({ blob }) => blob);
    try {
      const [first] = places;
      if (first !== undefined && !isPack(blobs)) {
        for await (const _ of readBlob(objects, { ...first.blob, ...first.to }));
        return true;
      }
      const whole = await objects.get(objectKey);
      const footer = encodePackFooter(placesOf(blobs));
      const isWhole = Buffer.compare(whole.subarray(whole.byteLength - footer.byteLength), footer) === 0;
      return (
        isWhole &&
        places.every(({ blob: { digest, sizeBytes }, to: { offset } }) => {
          return digestOf(whole.subarray(offset, offset + sizeBytes)) === digest;
        })
      );
    } catch (error) {
      if (isLoss(error)) return false;
      throw error;
    }
  }

  async #record(objectKey: string, places: readonly Move[], agentId: string): Promise<void> {
    const moves = places.map(({ blob: { digest, objectKey, offset }, to }) => {
      return { digest, from: { objectKey, offset }, to };
    });
    const blobs = places.map(({ blob }) => blob);
    const packs = isPack(blobs) ? [{ objectKey, blobs: blobs.length }] : [];
    const moved = new Set(await this.#deps.store.garbage.moveBlobs(moves, packs));
    const name = await this.#nameOf(agentId);
    for (const { blob } of places) {
      // One that lies elsewhere meanwhile is not lost there either: whoever put it there had it checked.
      this.repaired.set(blob.digest, name);
      if (moved.has(blob.digest)) this.repairedBytes += blob.sizeBytes;
    }
  }

  async #nameOf(agentId: string): Promise<string> {
    return (await this.#deps.store.findAgent(agentId))?.name ?? agentId;
  }
}

/** Like Promise.all, but nothing is under way any more when it throws. */
async function allDone(works: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(works)) if (outcome.status === "rejected") throw outcome.reason;
}

interface Move {
  blob: NumberedBlob;
  to: { objectKey: string; offset: number };
}

function movesTo(objectKey: string, blobs: readonly NumberedBlob[]): Move[] {
  const places = placesOf(blobs);
  return blobs.map((blob, index) => ({ blob, to: { objectKey, offset: places[index]?.offset ?? 0 } }));
}

/** Gives a sign every now and then until the work is done, so that whoever looks on can leave. Throws what the work throws. */
async function* signsOf(working: Promise<void>): AsyncGenerator<void, void, undefined> {
  let done = false;
  const ended = working.finally(() => (done = true));
  ended.catch(() => undefined);
  while (!done) {
    const tick = Promise.withResolvers<void>();
    const timer = setTimeout(tick.resolve, TICK_MS);
    await Promise.race([tick.promise, ended]).finally(() => clearTimeout(timer));
    yield;
  }
  await ended;
}
