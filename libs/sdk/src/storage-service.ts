/** `client.storage`: what the coordinator's store holds, and keeping it in order. For operators. */
import type { CollectGarbageResponse } from "@spell/rpc";
import type { Connection } from "./connection.ts";

/** How far a collection is, or what it came to. */
export type CollectionProgress = CollectGarbageResponse;

export class StorageService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Removes what nothing names. Gives how far it is; the last one, `finished`, is the outcome. Whoever stops reading ends the
   * collection. Throws `conflict` (`storage-busy`), `data-loss` (`lost-folder`).
   */
  collect(
    options: { dryRun?: boolean; despiteLosses?: boolean; signal?: AbortSignal } = {},
  ): AsyncGenerator<CollectionProgress, void, undefined> {
    const { dryRun = false, despiteLosses = false, signal } = options;
    const client = this.#connection.storage;
    return this.#connection.stream(client.collectGarbage.bind(client), { dryRun, despiteLosses }, { signal });
  }
}
