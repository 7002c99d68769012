/**
 * Keeps one connection to NATS, forever. Each connection is a session of its own: when it ends, whatever the reason, the
 * next one is made from nothing and everything is attached anew. So there is one path for the first start, a restarted
 * server, a server that lost its data, and a corrected token. States:
 *
 * - connecting: `current` is undefined; tries, with a jittered wait that doubles from 50 ms to 2 s;
 * - serving: `current` is set and `onSession` has been called with it;
 * - closed: after `close`; final.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import type { SpellError } from "@spell/domain";
import { connectionProblem } from "./problems.ts";

export interface ConnectionLoopOptions {
  servers: readonly string[];
  token?: string;
  name: string;
  /** A connection stands; `ended` is aborted when it ends. */
  onSession(connection: NatsConnection, ended: AbortSignal): void;
  /** Why no connection stands; said once per kind of problem. */
  onProblem(problem: SpellError): void;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;
const HANDSHAKE_MS = 5_000;

export class ConnectionLoop {
  readonly #options: ConnectionLoopOptions;
  readonly #closing = new AbortController();
  /** Servers of a cluster that told us about themselves; tried when the given ones are away. */
  readonly #gossiped = new Set<string>();
  readonly #done: Promise<void>;
  #current: NatsConnection | undefined;
  #lastProblem: string | undefined;

  constructor(options: ConnectionLoopOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** The standing connection. */
  get current(): NatsConnection | undefined {
    return this.#current;
  }

  /** Flushes, disconnects and ends the loop; idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    const connection = this.#current;
    if (connection !== undefined) {
      await Promise.race([connection.flush().catch(() => undefined), delay(1_000, undefined, { ref: false })]);
      await connection.close();
    }
    await this.#done;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      try {
        const connection = await this.#connect();
        failures = 0;
        this.#lastProblem = undefined;
        await this.#serve(connection);
      } catch (error) {
        this.#report(connectionProblem(error, this.#options.servers));
      }
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++);
      const waitMs = longest * (0.5 + Math.random() / 2);
      await delay(waitMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, token, name } = this.#options;
    return connect({
      servers: [...new Set([...servers, ...this.#gossiped])],
      token,
      name,
      reconnect: false,
      timeout: HANDSHAKE_MS,
      // A silent peer is noticed within 15 s even when no packet says that it is gone.
      pingInterval: 5_000,
      maxPingOut: 2,
    });
  }

  async #serve(connection: NatsConnection): Promise<void> {
    if (this.#closing.signal.aborted) {
      await connection.close();
      return;
    }
    const ended = new AbortController();
    this.#current = connection;
    try {
      this.#options.onSession(connection, ended.signal);
      const error = await connection.closed();
      for (const server of connection.getServers()) if (server.gossiped) this.#gossiped.add(server.listen);
      if (error instanceof Error) this.#report(connectionProblem(error, this.#options.servers));
    } finally {
      this.#current = undefined;
      ended.abort();
    }
  }

  #report(problem: SpellError): void {
    if (this.#closing.signal.aborted || this.#lastProblem === problem.reason) return;
    this.#lastProblem = problem.reason;
    this.#options.onProblem(problem);
  }
}
