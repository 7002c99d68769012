/** Decoded segments, shared by all readers: the one used longest ago goes when there are too many. */
import { hasCode } from "@spell/domain";
import type { LogBatch } from "@spell/domain";
import { decompressSegment } from "@spell/event-bus";
import type { ObjectStore } from "@spell/object-store";

const DEFAULT_MAX_ENTRIES = 400_000;
/** What an entry weighs besides its text, in entries' worth of 256 characters. */
const TEXT_PER_ENTRY = 256;

export class SegmentCache {
  readonly #objects: Pick<ObjectStore, "get">;
  readonly #maxWeight: number;
  readonly #segments = new Map<string, { batch: LogBatch; weight: number }>();
  readonly #loading = new Map<string, Promise<LogBatch | undefined>>();
  #weight = 0;

  /** `maxEntries`: entries of up to 256 characters that are kept; longer ones count as several. */
  constructor(objects: Pick<ObjectStore, "get">, maxEntries = DEFAULT_MAX_ENTRIES) {
    this.#objects = objects;
    this.#maxWeight = maxEntries;
  }

  /** The segment; undefined when the object is gone or damaged. Rejects with `unavailable` while the store is away. */
  async get(objectKey: string): Promise<LogBatch | undefined> {
    const known = this.#segments.get(objectKey);
    if (known !== undefined) {
      this.#segments.delete(objectKey);
      this.#segments.set(objectKey, known);
      return known.batch;
    }
    const loading = this.#loading.get(objectKey) ?? this.#load(objectKey);
    this.#loading.set(objectKey, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(objectKey);
    }
  }

  async #load(objectKey: string): Promise<LogBatch | undefined> {
    try {
      const batch = await decompressSegment(await this.#objects.get(objectKey));
      this.#keep(objectKey, batch);
      return batch;
    } catch (error) {
      if (hasCode(error, "not-found") || hasCode(error, "data-loss")) return undefined;
      throw error;
    }
  }

  #keep(objectKey: string, batch: LogBatch): void {
    const weight = batch.entries.reduce((sum, entry) => sum + 1 + entry.text.length / TEXT_PER_ENTRY, 0);
    this.#segments.set(objectKey, { batch, weight });
    this.#weight += weight;
    for (const [oldest, segment] of this.#segments) {
      if (this.#weight <= this.#maxWeight || oldest === objectKey) return;
      this.#segments.delete(oldest);
      this.#weight -= segment.weight;
    }
  }
}
