/** What the shipper's tests share: an archive in memory that obeys the contract and can be taken away, and a spool. */
import { SpellError } from "@spell/domain";
import type { LogEntry } from "@spell/domain";
import { decompressSegment } from "@spell/event-bus";
import type { SegmentArchive } from "./segment-archive.ts";

export interface TestArchive extends SegmentArchive {
  /** Rejects with `unavailable` while true. */
  away: boolean;
  /** Rejects with `stale-lease` while true. */
  stale: boolean;
  /** How many segments were stored, repeats included. */
  storedCount: number;
  /** What is archived, by first number; a repeat is ignored. */
  segments: Map<number, Uint8Array>;
  /** All entries from 0 on. Fails on a gap. */
  entries(): Promise<LogEntry[]>;
}

/** An empty archive. A segment with a known first number is ignored, as the record may do. */
export function testArchive(): TestArchive {
  const archive: TestArchive = {
    away: false,
    stale: false,
    storedCount: 0,
    segments: new Map(),
    store: async ({ firstNumber, bytes }) => {
      if (archive.away) throw new SpellError("unavailable", "The archive is away.");
      if (archive.stale) throw new SpellError("stale-lease", "Not ours any more.");
      archive.storedCount++;
      if (!archive.segments.has(firstNumber)) archive.segments.set(firstNumber, bytes);
    },
    entries: async () => {
      const entries: LogEntry[] = [];
      for (const firstNumber of [...archive.segments.keys()].sort((one, other) => one - other)) {
        const batch = await decompressSegment(archive.segments.get(firstNumber) ?? new Uint8Array());
        if (batch.firstNumber > entries.length) throw new Error(`a gap before entry ${batch.firstNumber}`);
        entries.push(...batch.entries.slice(entries.length - batch.firstNumber));
      }
      return entries;
    },
  };
  return archive;
}

/** A notice of the agent. */
export function notice(text: string): LogEntry {
  return { atMs: 1_700_000_000_000, text, status: "building", statusEvent: true, level: "info", partial: false };
}
