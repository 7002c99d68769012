/**
 * One subscription to a run's log, across connections. In each session it is in one of two modes: reading the stream
 * (ordered consumer, from the next message it has not given), or, while the stream is missing, listening to live messages
 * only and asking again for the stream. It starts over from the beginning when the stream is another one than before.
 */
import { setTimeout as delay } from "node:timers/promises";
import { DeliverPolicy, jetstream } from "@nats-io/jetstream";
import type { ConsumerMessages } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { logSubject } from "../subjects.ts";
import { STREAM_NAME } from "./stream.ts";

/** Messages asked for ahead of the reader: bounds what a slow reader holds, 512 KiB each at most. */
const MESSAGES_AHEAD = 32;
const ASK_AGAIN_MS = 1_000;
/** Live messages kept for a slow reader while the stream is missing; further ones are dropped, the numbers tell. */
const MAX_LIVE_PENDING = 64;

export interface LogSubscriptionTarget {
  runId: number;
  sinceMs?: number;
  /** A message's payload; further ones wait until it settles. Never rejects. */
  onPayload(payload: Uint8Array): Promise<void>;
}

export class LogSubscription {
  readonly #target: LogSubscriptionTarget;
  readonly #subject: string;
  readonly #closed = new AbortController();
  #next: { stream: string; sequence: number } | undefined;

  constructor(target: LogSubscriptionTarget) {
    this.#target = target;
    this.#subject = logSubject(target.runId);
  }

  /** Ends it; idempotent. */
  close(): void {
    this.#closed.abort();
  }

  /** Delivers from this connection until it or the subscription ends. Never rejects. */
  async serve(connection: NatsConnection, ended: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([this.#closed.signal, ended]);
    while (!stop.aborted) {
      const messages = await this.#open(connection).catch(() => undefined);
      if (stop.aborted) {
        await messages?.close();
        return;
      }
      if (messages === undefined) await this.#listenForAWhile(connection, stop);
      else await this.#readStream(messages, stop);
    }
  }

  async #open(connection: NatsConnection): Promise<ConsumerMessages> {
    const client = jetstream(connection, { timeout: 5_000 });
    const { created, state } = await (await client.streams.get(STREAM_NAME)).info(true);
    const known = this.#next;
    // A server that came back without its data, or without its newest messages, gives the same numbers to others.
    const goesOn = known !== undefined && known.stream === created && known.sequence <= state.last_seq + 1;
    this.#next = { stream: created, sequence: goesOn ? known.sequence : 0 };
    const since = this.#target.sinceMs;
    const start =
      this.#next.sequence > 0
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#next.sequence }
        : since === undefined
          ? { deliver_policy: DeliverPolicy.All }
          : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(since).toISOString() };
    const consumer = await client.consumers.get(STREAM_NAME, { filter_subjects: this.#subject, ...start });
    return consumer.consume({ max_messages: MESSAGES_AHEAD });
  }

  async #readStream(messages: ConsumerMessages, stop: AbortSignal): Promise<void> {
    const end = (): void => void messages.close();
    stop.addEventListener("abort", end, { once: true });
    void this.#watchForLoss(messages);
    try {
      for await (const message of messages) {
        if (stop.aborted) break;
        await this.#target.onPayload(message.data);
        if (this.#next !== undefined) this.#next.sequence = message.seq + 1;
      }
    } catch {
      // The consumer is gone; the loop above makes another.
    } finally {
      stop.removeEventListener("abort", end);
      await messages.close();
    }
  }

  /** Leaves the stream when it was deleted under us, so that the live mode takes over. */
  async #watchForLoss(messages: ConsumerMessages): Promise<void> {
    for await (const notification of messages.status()) {
      if (notification.type === "stream_not_found" || notification.type === "consumer_not_found") void messages.close();
    }
  }

  async #listenForAWhile(connection: NatsConnection, stop: AbortSignal): Promise<void> {
    let delivering = Promise.resolve();
    let pending = 0;
    const subscription = connection.subscribe(this.#subject, {
      callback: (error, message) => {
        if (error !== null || pending >= MAX_LIVE_PENDING) return;
        pending++;
        delivering = delivering.then(() => this.#target.onPayload(message.data)).then(() => void pending--);
      },
    });
    await delay(ASK_AGAIN_MS, undefined, { signal: stop }).catch(() => undefined);
    subscription.unsubscribe();
    await delivering;
  }
}
