/** Large objects, put in parts: begun, put by presigned URLs, and completed by whoever began them. */
import { randomUUID } from "node:crypto";
import { hasCode, invalidInput, notFound } from "@spell/domain";
import { MAX_PARTS } from "@spell/object-store";
import type { Multipart, ObjectStore, PartTag, StoredPart } from "@spell/object-store";
import type { RunStore } from "@spell/run-store";
import { PACK_PREFIX } from "./check-put.ts";
import type { Principal } from "./principal.ts";
import { URL_SECONDS } from "./tree-catalog.ts";

const MIB = 1024 * 1024;
const LEAST_PART_BYTES = 16 * MIB;
/** Clients keep parts in memory until the store has them. */
const MOST_PART_BYTES = 64 * MIB;
const MOST_BYTES = MOST_PART_BYTES * MAX_PARTS;
const URLS_PER_CALL = 64;

/** How large the parts of an object are: no larger than its number of parts makes them. Throws invalid-input (`too-large`). */
export function partBytesOf(sizeBytes: number): number {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) {
    throw invalidInput(`An object that is put in parts has at least 1 byte, not ${sizeBytes}.`, "bad-parts");
  }
  if (sizeBytes > MOST_BYTES) {
    const message = `A file may have at most ${MOST_BYTES} bytes; this one has ${sizeBytes}: split it.`;
    throw invalidInput(message, "too-large");
  }
  return Math.max(LEAST_PART_BYTES, Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB);
}

/** Who begins an object and may go on with it: a user, a run, or the attempt whose agent asks. */
export function holderOf(principal: Principal, heldBy: { runId: number; attempt: number } | undefined): string {
  if (heldBy !== undefined) return `attempt:${heldBy.runId}/${heldBy.attempt}`;
  switch (principal.kind) {
    case "user":
      return `user:${principal.userName}`;
    case "run":
      return `run:${principal.runId}`;
    case "agent":
      return `agent:${principal.agentId}`;
  }
}

export class Multiparts {
  readonly #store: Pick<RunStore, "multiparts">;
  readonly #objects: ObjectStore;
  readonly #now: () => number;

  constructor({
    store,
    objects,
    now,
  }: {
    store: Pick<RunStore, "multiparts">;
    objects: ObjectStore;
    now: () => number;
  }) {
    this.#store = store;
    this.#objects = objects;
    this.#now = now;
  }

  async start(holder: string, sizeBytes: number): Promise<{ objectKey: string; partBytes: number }> {
    const layout = { sizeBytes, partBytes: partBytesOf(sizeBytes) };
    const objectKey = `${PACK_PREFIX}${randomUUID()}`;
    await this.#store.multiparts.add({ ...layout, objectKey, holder, usedAtMs: this.#now() });
    const uploadId = await this.#objects.startMultipart(objectKey, layout);
    await this.#store.multiparts.begin(objectKey, uploadId);
    return { objectKey, partBytes: layout.partBytes };
  }

  /** URLs to put these parts, in the order of the numbers. */
  async presign(holder: string, objectKey: string, numbers: readonly number[]): Promise<string[]> {
    if (numbers.length > URLS_PER_CALL) {
      throw invalidInput(`One call gives ${URLS_PER_CALL} URLs, not ${numbers.length}: ask again.`, "too-many-parts");
    }
    const multipart = await this.#require(holder, objectKey);
    return Promise.all(numbers.map((number) => this.#objects.presignPart(multipart, number, URL_SECONDS)));
  }

  async listParts(holder: string, objectKey: string): Promise<StoredPart[]> {
    return this.#objects.listParts(await this.#require(holder, objectKey));
  }

  /** Harmless when it is complete already. */
  async complete(holder: string, objectKey: string, parts: readonly PartTag[]): Promise<void> {
    const multipart = await this.#require(holder, objectKey);
    try {
      await this.#objects.completeMultipart(multipart, parts);
    } catch (error) {
      // Nothing else is ever put under this key.
      const isComplete = hasCode(error, "not-found") && (await this.#objects.find(objectKey)) !== undefined;
      if (!isComplete) throw error;
    }
  }

  /** Harmless when it is gone. What is complete stays until it is collected. */
  async abort(holder: string, objectKey: string): Promise<void> {
    const multipart = await this.#store.multiparts.use(objectKey, holder, this.#now());
    if (multipart?.uploadId === undefined) return;
    await this.#objects.abortMultipart({ key: objectKey, uploadId: multipart.uploadId });
    await this.#store.multiparts.remove(objectKey);
  }

  async #require(holder: string, objectKey: string): Promise<Multipart> {
    const found = await this.#store.multiparts.use(objectKey, holder, this.#now());
    if (found?.uploadId === undefined) {
      const shown = JSON.stringify(objectKey.slice(0, 80));
      throw notFound(`No object ${shown} is being put in parts here: begin again.`, "no-such-multipart");
    }
    return { key: objectKey, uploadId: found.uploadId, sizeBytes: found.sizeBytes, partBytes: found.partBytes };
  }
}
