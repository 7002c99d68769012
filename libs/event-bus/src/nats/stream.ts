/** The JetStream stream that keeps the bus's messages for a while. */
import { DiscardPolicy, JetStreamApiError, StorageType, jetstreamManager } from "@nats-io/jetstream";
import type { StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { ALL_SUBJECTS } from "../subjects.ts";

export const STREAM_NAME = "SPELL";

const NANOS_PER_MS = 1_000_000;
const DAY_MS = 86_400_000;
/** JetStream's error codes: the name is in use with another configuration; not enough storage for max_bytes. */
const IN_USE_WITH_OTHER_CONFIG = 10_058;
const INSUFFICIENT_STORAGE = new Set([10_047, 10_023]);
const SMALLEST_STREAM_BYTES = 64 * 1024 * 1024;

export interface StreamOptions {
  /** Bytes kept at most; the oldest messages go first. */
  maxBytes: number;
  /** Copies in a NATS cluster. */
  replicas: number;
}

/**
 * Creates the stream or brings its limits up to date; idempotent. On a machine with too little room it takes half as
 * much, and half again. Returns the bytes it may keep. Throws the client's error when JetStream does not answer.
 */
export async function ensureStream(connection: NatsConnection, options: StreamOptions): Promise<number> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  for (let maxBytes = options.maxBytes; ; maxBytes = Math.floor(maxBytes / 2)) {
    const config = streamConfig({ ...options, maxBytes });
    try {
      await manager.streams.add(config);
      return maxBytes;
    } catch (error) {
      const code = error instanceof JetStreamApiError ? error.code : undefined;
      if (code === IN_USE_WITH_OTHER_CONFIG) {
        await manager.streams.update(STREAM_NAME, config);
        return maxBytes;
      }
      if (code === undefined || !INSUFFICIENT_STORAGE.has(code) || maxBytes / 2 < SMALLEST_STREAM_BYTES) throw error;
    }
  }
}

function streamConfig(options: StreamOptions): Partial<StreamConfig> & { name: string } {
  return {
    name: STREAM_NAME,
    subjects: [ALL_SUBJECTS],
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: 7 * DAY_MS * NANOS_PER_MS,
    max_bytes: options.maxBytes,
    duplicate_window: 120_000 * NANOS_PER_MS,
    num_replicas: options.replicas,
    allow_direct: true,
  };
}
