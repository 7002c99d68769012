/** `client.admin`: the coordinator's record, backed up and checked. For operators. */
import type { CheckRecordResponse } from "@spell/rpc";
import type { Connection } from "./connection.ts";

/** What one rule of the record came to. */
export type CheckedRule = CheckRecordResponse;

interface StreamOptions {
  signal?: AbortSignal;
}

export class AdminService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The bytes of a backup of the record as it is now. It is whole when the last one came without an error. */
  async *backup(options: StreamOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const client = this.#connection.admin;
    const stream = this.#connection.stream(client.backupRecord.bind(client), {}, options);
    for await (const { content } of stream) yield content;
  }

  /** Whether what should always hold of the record holds: each rule, with what breaks it. */
  check(options: StreamOptions = {}): AsyncGenerator<CheckedRule, void, undefined> {
    const client = this.#connection.admin;
    return this.#connection.stream(client.checkRecord.bind(client), {}, options);
  }
}
