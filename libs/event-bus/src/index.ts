export type { EncodedLogBatch, EventBus, LogSubscriptionOptions, StatusNews, Subscription } from "./event-bus.ts";
export { EntryWriter, encodeBatchHeader } from "./entry-writer.ts";
export { MAX_BATCH_ENTRIES, decodeLogBatch, encodeLogBatch } from "./log-codec.ts";
export { MAX_SEGMENT_BYTES, compressSegment, decompressSegment } from "./segment-codec.ts";
export { MAX_BODY_BYTES } from "./split-batch.ts";
