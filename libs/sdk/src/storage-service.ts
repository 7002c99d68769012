/** `client.storage`: what the coordinator's store holds, and keeping it in order. For operators. */
import type { CheckStoreResponse, CollectGarbageResponse, MeasureStoreResponse } from "@spell/rpc";
import type { Connection } from "./connection.ts";

export type { StoreItem, StoreLoss, StoreTotals } from "@spell/rpc";
/** How far a collection is, or what it came to. */
export type CollectionProgress = CollectGarbageResponse;
/** How far a measurement is; the last ones bring what it came to. */
export type MeasureProgress = MeasureStoreResponse;
/** How far a check is, and what it has found lost since the one before. */
export type CheckProgress = CheckStoreResponse;

interface StreamOptions {
  signal?: AbortSignal;
}

/** All of its calls give how far they are, the last one is `finished`; whoever stops reading ends them. */
export class StorageService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Removes what nothing names. Throws `conflict` (`storage-busy`), `data-loss` (`lost-folder`). */
  collect(
    options: { dryRun?: boolean; despiteLosses?: boolean } & StreamOptions = {},
  ): AsyncGenerator<CollectionProgress, void, undefined> {
    const { dryRun = false, despiteLosses = false, signal } = options;
    const client = this.#connection.storage;
    return this.#connection.stream(client.collectGarbage.bind(client), { dryRun, despiteLosses }, { signal });
  }

  /** What takes the space: those that take most of their own first. Throws `conflict` (`storage-busy`). */
  measure(options: StreamOptions = {}): AsyncGenerator<MeasureProgress, void, undefined> {
    const client = this.#connection.storage;
    return this.#connection.stream(client.measureStore.bind(client), {}, options);
  }

  /**
   * Whether all that the record names is there; with `readData` every byte is read, with `repair` what is lost is stored again from
   * the caches of connected agents. Throws `conflict` (`storage-busy`).
   */
  check(
    options: { readData?: boolean; repair?: boolean } & StreamOptions = {},
  ): AsyncGenerator<CheckProgress, void, undefined> {
    const { readData = false, repair = false, signal } = options;
    const client = this.#connection.storage;
    return this.#connection.stream(client.checkStore.bind(client), { readData, repair }, { signal });
  }
}
