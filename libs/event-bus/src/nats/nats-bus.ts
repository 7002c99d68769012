/** The event bus on NATS: connects in the background, keeps messages in JetStream, outlives every restart of the server. */
import { setTimeout as delay } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import type { JetStreamClient } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "@spell/domain";
import type { LogBatch } from "@spell/domain";
import { encodeBatchHeader } from "../entry-writer.ts";
import type { EncodedLogBatch, EventBus, LogSubscriptionOptions, StatusNews, Subscription } from "../event-bus.ts";
import { decodeLogBatch } from "../log-codec.ts";
import { encodeInPieces } from "../split-batch.ts";
import { parseStatusNews } from "../status-news.ts";
import { ALL_STATUS_SUBJECTS, logSubject, statusSubject } from "../subjects.ts";
import { ConnectionLoop } from "./connection-loop.ts";
import { LogSubscription } from "./log-subscription.ts";
import { busAway } from "./problems.ts";
import { STREAM_NAME, ensureStream } from "./stream.ts";

export interface NatsBusOptions {
  /** Addresses, `nats://host:port` or `host:port`. */
  servers: readonly string[];
  token?: string;
  /** Shown in the server's logs. */
  name: string;
  /** The coordinator makes the stream and keeps its limits; an agent only uses it. */
  role: "coordinator" | "agent";
  /** Bytes that the stream keeps at most. Default: 4 GiB. */
  maxBytes?: number;
  /** Copies of the stream in a NATS cluster. Default: 1. */
  replicas?: number;
  /** How long `publishLog` waits for an acknowledgement. Default: 5,000. */
  ackTimeoutMs?: number;
  /** A sentence when the server is away or refuses us; once per kind of problem, again after a connection stood. */
  onProblem?: (message: string) => void;
}

export interface NatsBus extends EventBus {
  /** Messages on our subjects that were not understood and ignored. */
  malformedCount(): number;
}

const DEFAULT_MAX_BYTES = 4 * 1024 ** 3;
const LAST_LOG_TIMEOUT_MS = 300;
const ENSURE_AGAIN_MS = 500;

/** Starts a bus. It never fails: while the server is away, calls reject with `unavailable` and it goes on trying. */
export function createNatsBus(options: NatsBusOptions): NatsBus {
  return new NatsEventBus(options);
}

class NatsEventBus implements NatsBus {
  readonly #options: NatsBusOptions;
  readonly #loop: ConnectionLoop;
  readonly #logSubscriptions = new Set<LogSubscription>();
  readonly #statusListeners = new Set<(news: StatusNews) => void>();
  #session: { connection: NatsConnection; client: JetStreamClient; ended: AbortSignal } | undefined;
  #malformed = 0;

  constructor(options: NatsBusOptions) {
    this.#options = options;
    this.#loop = new ConnectionLoop({
      servers: options.servers,
      token: options.token,
      name: options.name,
      onSession: (connection, ended) => this.#attach(connection, ended),
      onProblem: (problem) => options.onProblem?.(problem.message),
    });
  }

  connected(): boolean {
    return this.#loop.current !== undefined;
  }

  malformedCount(): number {
    return this.#malformed;
  }

  async publishStatus(news: StatusNews): Promise<void> {
    const { runId, status, version } = news;
    this.#publish(statusSubject(runId), JSON.stringify({ runId, status, version }));
  }

  async publishLog(batch: LogBatch): Promise<void> {
    await Promise.all(encodeInPieces(batch).map((piece) => this.publishEncodedLog(piece)));
  }

  async publishEncodedLog(batch: EncodedLogBatch): Promise<void> {
    const session = this.#session;
    if (session === undefined) throw busAway("publish log lines");
    const { runId, attempt, firstNumber, count, body } = batch;
    try {
      await session.client.publish(logSubject(runId), Buffer.concat([encodeBatchHeader(batch), body]), {
        msgID: `${runId}/${attempt}/${firstNumber}/${count}`,
        timeout: this.#options.ackTimeoutMs ?? 5_000,
        headers: headers(),
      });
    } catch (error) {
      throw busAway("publish log lines", error);
    }
  }

  async subscribeStatus(onNews: (news: StatusNews) => void): Promise<Subscription> {
    // A listener of its own even when the same function subscribes twice.
    const listener = (news: StatusNews): void => onNews(news);
    this.#statusListeners.add(listener);
    await this.#flush();
    return { close: async () => void this.#statusListeners.delete(listener) };
  }

  async subscribeLog(
    runId: number,
    onBatch: (batch: LogBatch) => void | Promise<void>,
    options: LogSubscriptionOptions = {},
  ): Promise<Subscription> {
    const subscription = new LogSubscription({
      runId,
      sinceMs: options.sinceMs,
      onPayload: async (payload) => {
        const batch = this.#decode(payload, runId);
        if (batch !== undefined) await callSafely(() => onBatch(batch));
      },
    });
    this.#logSubscriptions.add(subscription);
    if (this.#session !== undefined) void subscription.serve(this.#session.connection, this.#session.ended);
    return {
      close: async () => {
        this.#logSubscriptions.delete(subscription);
        subscription.close();
      },
    };
  }

  async lastLog(runId: number): Promise<LogBatch | undefined> {
    const session = this.#session;
    if (session === undefined) return undefined;
    try {
      const manager = await session.client.jetstreamManager(false);
      const found = manager.direct.getMessage(STREAM_NAME, { last_by_subj: logSubject(runId) });
      found.catch(() => undefined);
      const message = await Promise.race([found, delay(LAST_LOG_TIMEOUT_MS, null, { ref: false })]);
      return message === null ? undefined : this.#decode(message.data, runId);
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    for (const subscription of this.#logSubscriptions) subscription.close();
    this.#logSubscriptions.clear();
    this.#statusListeners.clear();
    await this.#loop.close();
  }

  #attach(connection: NatsConnection, ended: AbortSignal): void {
    this.#session = { connection, client: jetstream(connection), ended };
    ended.addEventListener("abort", () => (this.#session = undefined), { once: true });
    connection.subscribe(ALL_STATUS_SUBJECTS, {
      callback: (error, message) => {
        if (error === null) this.#onStatus(message.subject, message.data);
      },
    });
    if (this.#options.role === "coordinator") void this.#keepStream(connection, ended);
    for (const subscription of this.#logSubscriptions) void subscription.serve(connection, ended);
  }

  async #keepStream(connection: NatsConnection, ended: AbortSignal): Promise<void> {
    let reported = false;
    while (!ended.aborted) {
      try {
        await ensureStream(connection, {
          maxBytes: this.#options.maxBytes ?? DEFAULT_MAX_BYTES,
          replicas: this.#options.replicas ?? 1,
        });
        return;
      } catch (error) {
        if (!reported && !ended.aborted) {
          this.#options.onProblem?.(`The nats-server cannot keep messages yet: ${messageOf(error)}. Trying again.`);
        }
        reported = true;
      }
      await delay(ENSURE_AGAIN_MS, undefined, { signal: ended }).catch(() => undefined);
    }
  }

  #onStatus(subject: string, payload: Uint8Array): void {
    const news = parseStatusNews(subject, payload);
    if (news === undefined) this.#malformed++;
    else for (const listener of this.#statusListeners) void callSafely(() => listener(news));
  }

  #decode(payload: Uint8Array, runId: number): LogBatch | undefined {
    try {
      const batch = decodeLogBatch(payload);
      if (batch.runId === runId) return batch;
    } catch {
      // Counted below.
    }
    this.#malformed++;
    return undefined;
  }

  #publish(subject: string, payload: string): void {
    const connection = this.#session?.connection;
    if (connection === undefined) throw busAway("publish news");
    try {
      connection.publish(subject, payload);
    } catch (error) {
      throw busAway("publish news", error);
    }
  }

  /** So that news published after `subscribeStatus` resolved is seen: the server has our subscription by then. */
  async #flush(): Promise<void> {
    await this.#session?.connection.flush().catch(() => undefined);
  }
}

/** A listener that throws must not take the bus down. */
async function callSafely(call: () => void | Promise<void>): Promise<void> {
  try {
    await call();
  } catch {
    // The listener's own matter.
  }
}
