/** The hand-written codec against the generated one, against any entries, and against any bytes. */
import type { LogBatch, LogEntry } from "@spell/domain";
import { LogBatch as GeneratedLogBatch } from "@spell/rpc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EntryWriter, encodeBatchHeader } from "./entry-writer.ts";
import { decodeLogBatch, encodeLogBatch } from "./log-codec.ts";
import { compressSegment, decompressSegment } from "./segment-codec.ts";
import { MAX_BODY_BYTES, encodeInPieces } from "./split-batch.ts";

const natural = fc.oneof(fc.nat(), fc.maxSafeNat());
const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "running", "\0", "\r", "日本"));
const anyEntry: fc.Arbitrary<LogEntry> = fc.record({
  atMs: natural,
  text: anyText,
  status: anyText,
  statusEvent: fc.boolean(),
  level: anyText,
  partial: fc.boolean(),
});
const anyBatch: fc.Arbitrary<LogBatch> = fc.record({
  runId: natural,
  attempt: fc.nat(),
  firstNumber: natural,
  entries: fc.array(anyEntry, { maxLength: 20 }),
});

describe("log codec", () => {
  it("writes exactly what the generated code writes", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expect(encodeLogBatch(batch).equals(GeneratedLogBatch.encode(batch).finish())).toBe(true);
      }),
    );
  });

  it("reads what the generated code wrote", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expect(decodeLogBatch(GeneratedLogBatch.encode(batch).finish())).toEqual(batch);
      }),
    );
  });

  it("gives a batch or data-loss for any bytes, and never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(Array.isArray(decodeLogBatch(bytes).entries)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "data-loss" });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses a batch cut off anywhere within an entry", () => {
    const bytes = encodeLogBatch({ runId: 3, attempt: 1, firstNumber: 0, entries: [entry("some text of a line")] });
    const headerBytes = encodeBatchHeader({ runId: 3, attempt: 1, firstNumber: 0 }).length;
    for (let length = headerBytes + 1; length < bytes.length; length++) {
      expect(() => decodeLogBatch(bytes.subarray(0, length))).toThrow(/not a log batch/);
    }
  });

  it("skips fields of a later version", () => {
    const extra = Buffer.from([0x2a, 3, 1, 2, 3, 0x30, 5, 0x3d, 0, 0, 0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0, 0]);
    const batch = { runId: 3, attempt: 1, firstNumber: 2, entries: [entry("a")] };
    expect(decodeLogBatch(Buffer.concat([encodeLogBatch(batch), extra]))).toEqual(batch);
  });

  it("writes lines from bytes as it writes entries", () => {
    const source = Buffer.from("xx日本語\0\ryy");
    const writer = new EntryWriter(8);
    writer.line({ source, start: 2, end: source.length - 2, atMs: 1_700_000_000_123, partial: true });
    writer.line({ source, start: 2, end: 2, atMs: 1_700_000_000_124, partial: false });
    const { count, body } = writer.take();
    expect(count).toBe(2);
    const header = { runId: 1, attempt: 2, firstNumber: 3 };
    expect(decodeLogBatch(Buffer.concat([encodeBatchHeader(header), body]))).toEqual({
      ...header,
      entries: [
        { ...entry("日本語\0\r"), atMs: 1_700_000_000_123, partial: true },
        { ...entry(""), atMs: 1_700_000_000_124 },
      ],
    });
    expect(writer.sizeBytes).toBe(0);
  });
});

describe("segments", () => {
  it("come back as they were", async () => {
    const entries = Array.from({ length: 5_000 }, (_, index) => entry(`line ${index}`));
    const writer = new EntryWriter();
    for (const one of entries) writer.entry(one);
    const header = { runId: 9, attempt: 2, firstNumber: 77 };
    const segment = await compressSegment(header, [writer.take().body]);
    expect(segment.length).toBeLessThan(60_000);
    expect(await decompressSegment(segment)).toEqual({ ...header, entries });
  });

  it("that would take more than 64 MiB are refused", async () => {
    const bomb = await compressSegment({ runId: 1, attempt: 1, firstNumber: 0 }, [Buffer.alloc(65 * 1024 * 1024)]);
    expect(bomb.length).toBeLessThan(100_000);
    await expect(decompressSegment(bomb)).rejects.toMatchObject({ code: "data-loss" });
  });

  it("that were damaged are refused", async () => {
    const segment = await compressSegment({ runId: 1, attempt: 1, firstNumber: 0 }, [Buffer.alloc(0)]);
    await expect(decompressSegment(segment.subarray(0, 5))).rejects.toMatchObject({ code: "data-loss" });
    await expect(decompressSegment(Buffer.from("no zstd"))).rejects.toMatchObject({ code: "data-loss" });
  });
});

describe("cutting a batch for messages", () => {
  it("keeps every entry in order, each piece within its limit", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300_000), { maxLength: 30 }), (sizes) => {
        const entries = sizes.map((size, index) => entry(String(index % 10).repeat(size)));
        const pieces = encodeInPieces({ runId: 1, attempt: 1, firstNumber: 5, entries });
        let next = 5;
        for (const piece of pieces) {
          expect(piece.firstNumber).toBe(next);
          expect(piece.body.length).toBeLessThanOrEqual(MAX_BODY_BYTES);
          next += piece.count;
        }
        expect(next).toBe(5 + sizes.length);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses one entry that no message could carry", () => {
    const entries = [entry("x".repeat(5 * 1024 * 1024))];
    expect(() => encodeInPieces({ runId: 1, attempt: 1, firstNumber: 0, entries })).toThrow(/too long/);
  });
});

function entry(text: string): LogEntry {
  return { atMs: 1_700_000_000_000, text, status: "running", statusEvent: false, level: "", partial: false };
}
