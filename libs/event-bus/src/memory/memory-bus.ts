/** An event bus within one process, for tests: the same contract, kept by an array. */
import { SpellError } from "@spell/domain";
import type { LogBatch } from "@spell/domain";
import { encodeBatchHeader } from "../entry-writer.ts";
import type { EncodedLogBatch, EventBus, StatusNews, Subscription } from "../event-bus.ts";
import { decodeLogBatch } from "../log-codec.ts";
import { encodeInPieces } from "../split-batch.ts";

export interface MemoryBus extends EventBus {
  /** Takes the bus away (calls reject with `unavailable`) or brings it back. */
  setConnected(connected: boolean): void;
}

interface LogReaderState {
  runId: number;
  next: number;
  wake: (() => void) | undefined;
  closed: boolean;
}

/** An empty bus. It keeps what is published and ignores `sinceMs`, which is only a hint. */
export function createMemoryBus(): MemoryBus {
  const kept: { id: string; batch: LogBatch }[] = [];
  const ids = new Set<string>();
  const listeners = new Set<(news: StatusNews) => void>();
  const readers = new Set<LogReaderState>();
  let connected = true;
  const requireConnection = (): void => {
    if (!connected) throw new SpellError("unavailable", "The bus is away. Try again.");
  };
  const deliver = async (reader: LogReaderState, onBatch: (batch: LogBatch) => void | Promise<void>): Promise<void> => {
    while (!reader.closed) {
      const item = connected ? kept[reader.next] : undefined;
      if (item === undefined) {
        await new Promise<void>((resolve) => (reader.wake = resolve));
        continue;
      }
      reader.next++;
      if (item.batch.runId !== reader.runId) continue;
      try {
        await onBatch(item.batch);
      } catch {
        // The listener's own matter.
      }
    }
  };
  const wakeAll = (): void => readers.forEach((reader) => reader.wake?.());
  const publishEncodedLog = async (batch: EncodedLogBatch): Promise<void> => {
    requireConnection();
    const id = `${batch.runId}/${batch.attempt}/${batch.firstNumber}/${batch.count}`;
    if (ids.has(id)) return;
    ids.add(id);
    kept.push({ id, batch: decodeLogBatch(Buffer.concat([encodeBatchHeader(batch), batch.body])) });
    wakeAll();
  };
  return {
    publishStatus: async (news) => {
      requireConnection();
      queueMicrotask(() => listeners.forEach((listener) => listener(news)));
    },
    subscribeStatus: async (onNews): Promise<Subscription> => {
      const listener = (news: StatusNews): void => onNews(news);
      listeners.add(listener);
      return { close: async () => void listeners.delete(listener) };
    },
    publishEncodedLog,
    publishLog: async (batch) => {
      for (const piece of encodeInPieces(batch)) await publishEncodedLog(piece);
    },
    subscribeLog: async (runId, onBatch): Promise<Subscription> => {
      const reader: LogReaderState = { runId, next: 0, wake: undefined, closed: false };
      readers.add(reader);
      void deliver(reader, onBatch);
      return {
        close: async () => {
          reader.closed = true;
          readers.delete(reader);
          reader.wake?.();
        },
      };
    },
    lastLog: async (runId) => (connected ? kept.findLast((item) => item.batch.runId === runId)?.batch : undefined),
    connected: () => connected,
    setConnected: (value) => {
      connected = value;
      wakeAll();
    },
    close: async () => {
      connected = false;
      for (const reader of readers) reader.closed = true;
      wakeAll();
    },
  };
}
