/** The log reader over a record, an object store and a bus in memory. */
import type { LogBatch } from "@spell/domain";
import { createMemoryBus } from "@spell/event-bus/memory";
import { waitFor } from "@spell/testing";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { LiveTail } from "./live-tail.ts";
import { LogReader } from "./log-reader.ts";
import { TestLog, batch, collect, entry, textsOf } from "./log-reader.test-support.ts";

function setUp() {
  const log = new TestLog();
  const bus = createMemoryBus();
  const reader = new LogReader({ record: log, objects: log, bus });
  return { log, bus, reader };
}

/** A run that ended after two attempts: 2 notices, 5 + 4 entries, 1 notice. */
/** `claimed`: how many entries the first attempt's agent said it had; it archived five. */
async function endedRun({ claimed = 5 } = {}) {
  const test = setUp();
  test.log.before = [entry("created"), entry("requested")];
  test.log.attempts = [
    { number: 1, ended: true, logEntries: claimed, segments: [] },
    { number: 2, ended: true, logEntries: 4, segments: [] },
  ];
  await test.log.archive(batch(1, 0, 3));
  await test.log.archive(batch(1, 3, 2));
  await test.log.archive(batch(2, 0, 4));
  test.log.finish(["complete"]);
  const all = ["created", "requested", ...textsOf(1, 0, 5), ...textsOf(2, 0, 4), "complete"];
  return { ...test, all };
}

describe("log of an ended run", () => {
  it("is read whole without the bus", async () => {
    const { bus, reader, all } = await endedRun();
    bus.setConnected(false);
    for (const follow of [false, true]) {
      const read = collect(reader, { follow });
      await read.done;
      expect(read.texts).toEqual(all);
      expect(read).toMatchObject({ finished: true, nextOffset: all.length });
    }
  });

  it.each([5, 2])("is read from any offset, also when its agent claimed %i entries of 5", async (claimed) => {
    const { reader, all } = await endedRun({ claimed });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -15, max: 15 }), async (offset) => {
        const read = collect(reader, { offset });
        await read.done;
        expect(read.texts).toEqual(all.slice(offset));
        expect(read.finished).toBe(true);
      }),
    );
  });

  it("says what was lost, and keeps counting", async () => {
    const { log, reader } = await endedRun();
    log.objects.delete("logs/1-0-3");
    log.objects.set("logs/1-3-2", Buffer.from("damaged"));
    log.attempts[1]?.segments.splice(0);
    const read = collect(reader);
    await read.done;
    expect(read.texts).toEqual([
      "created",
      "requested",
      "(3 log entries were lost)",
      "(2 log entries were lost)",
      "(4 log entries were lost)",
      "complete",
    ]);
    expect(read.nextOffset).toBe(12);
  });

  it("takes segments that repeat and overlap once", async () => {
    const { log, reader, all } = await endedRun();
    await log.archive(batch(1, 1, 4));
    await log.archive(batch(1, 0, 2));
    const read = collect(reader);
    await read.done;
    expect(read.texts).toEqual(all);
  });

  it("waits for a store that is away for a moment, and fails when it stays away", async () => {
    const { log, reader, all } = await endedRun();
    log.storeAway = true;
    const read = collect(reader);
    await waitFor("the notices", () => read.texts.length === 2);
    log.storeAway = false;
    await read.done;
    expect(read.texts).toEqual(all);
  });

  it("comes in parts that fit a message", async () => {
    const { log, reader } = setUp();
    log.attempts = [{ number: 1, ended: true, logEntries: 10_020, segments: [] }];
    await log.archive(batch(1, 0, 10_000));
    const long = batch(1, 10_000, 20);
    for (const one of long.entries) one.text = "x".repeat(256 * 1024);
    await log.archive(long);
    log.finish([]);
    const read = collect(reader);
    await read.done;
    expect(read.texts).toHaveLength(10_020);
    for (const part of read.parts) {
      expect(part.entries.length).toBeLessThanOrEqual(4096);
      expect(part.entries.reduce((sum, one) => sum + one.text.length, 0)).toBeLessThan(1_500_000);
    }
  });
});

describe("log of a run that is tried again", () => {
  /** Two attempts with a notice between them; the first was lost after three archived entries. */
  async function triedTwice() {
    const test = setUp();
    test.log.before = [entry("created")];
    test.log.attempts = [{ number: 1, ended: false, segments: [] }];
    await test.log.archive(batch(1, 0, 3));
    test.log.end(1, undefined, ["again", "soon"]);
    test.log.attempts.push({ number: 2, ended: false, segments: [] });
    await test.log.archive(batch(2, 0, 2));
    test.log.end(2, 2);
    test.log.finish(["complete"]);
    return { ...test, all: ["created", ...textsOf(1, 0, 3), "again", "soon", ...textsOf(2, 0, 2), "complete"] };
  }

  it("is read from any offset, also into what is said between its attempts", async () => {
    const { reader, all } = await triedTwice();
    for (let offset = -all.length - 1; offset <= all.length + 1; offset += 1) {
      for (const follow of [false, true]) {
        const read = collect(reader, { offset, follow });
        await read.done;
        expect(read.texts, `offset ${offset}`).toEqual(all.slice(offset));
      }
    }
  });

  it("is followed over the end of an attempt: while it waits, and on when it is tried again", async () => {
    const { log, bus, reader } = setUp();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    const read = collect(reader, { follow: true });
    await bus.publishLog(batch(1, 0, 2));
    await waitFor("live lines", () => read.texts.length === 2);
    await log.archive(batch(1, 0, 2));
    log.end(1, 2, ["again"]);
    await waitFor("the notice", () => read.texts.length === 3);
    const so = collect(reader);
    await so.done;
    expect(so).toMatchObject({ texts: [...textsOf(1, 0, 2), "again"], finished: true, nextOffset: 3 });
    log.attempts.push({ number: 2, ended: false, segments: [] });
    log.notify();
    await bus.publishLog(batch(2, 0, 1));
    await waitFor("the second attempt", () => read.texts.length === 4);
    await log.archive(batch(2, 0, 1));
    log.end(2, 1);
    log.finish(["complete"]);
    await read.done;
    expect(read.texts).toEqual([...textsOf(1, 0, 2), "again", ...textsOf(2, 0, 1), "complete"]);
    expect(read.nextOffset).toBe(5);
  });

  it("a follower who saw lines that were never archived misses nothing of what follows, and counts as the record does", async () => {
    const { log, bus, reader } = setUp();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    await log.archive(batch(1, 0, 1));
    const read = collect(reader, { follow: true });
    await bus.publishLog(batch(1, 1, 4));
    await waitFor("the live lines", () => read.texts.length === 5);
    log.end(1, undefined, ["again", "soon"]);
    log.attempts.push({ number: 2, ended: false, segments: [] });
    log.notify();
    await waitFor("the notices", () => read.texts.length === 7);
    // The agent that was given up still prints, where the record has something else.
    await bus.publishLog(batch(1, 5, 3));
    await bus.publishLog(batch(2, 0, 1));
    await waitFor("the second attempt", () => read.texts.length === 8);
    await log.archive(batch(2, 0, 1));
    log.end(2, 1);
    log.finish(["complete"]);
    await read.done;
    expect(read.texts).toEqual([...textsOf(1, 0, 5), "again", "soon", "2:0", "complete"]);
    expect(read.nextOffset).toBe(5);
  });

  it("keeps nobody busy while the run waits to be tried again and the agent that was given up still prints", async () => {
    const { log, bus, reader } = setUp();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    await log.archive(batch(1, 0, 1));
    const read = collect(reader, { follow: true });
    const waits = vi.spyOn(LiveTail.prototype, "arrived");
    try {
      await bus.publishLog(batch(1, 1, 1));
      await waitFor("the live line", () => read.texts.length === 2);
      log.end(1, undefined, ["again"]);
      await waitFor("the notice", () => read.texts.length === 3);
      waits.mockClear();
      await bus.publishLog(batch(1, 2, 1));
      // Whoever is busy leaves nothing else a turn: timers would never come.
      for (let turn = 0; turn < 1_000; turn += 1) await Promise.resolve();
      expect(waits.mock.calls.length).toBeLessThan(5);
    } finally {
      waits.mockRestore();
      await read.cancel();
    }
  });
});

describe("log of a running run", () => {
  it("without follow: gives what is archived and what the bus has, and ends", async () => {
    const { log, bus, reader } = setUp();
    log.before = [entry("created")];
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    await log.archive(batch(1, 0, 4));
    await bus.publishLog(batch(1, 2, 4));
    const read = collect(reader);
    await read.done;
    expect(read.texts).toEqual(["created", ...textsOf(1, 0, 6)]);
    const last = collect(reader, { offset: -3 });
    await last.done;
    expect(last.texts).toEqual(textsOf(1, 3, 3));
    bus.setConnected(false);
    const without = collect(reader);
    await without.done;
    expect(without.texts).toEqual(["created", ...textsOf(1, 0, 4)]);
    expect(without.finished).toBe(true);
  });

  it("without follow: ends at once while nothing has begun", async () => {
    const { log, reader } = setUp();
    log.before = [entry("created")];
    const read = collect(reader);
    await read.done;
    expect(read).toMatchObject({ texts: ["created"], finished: true, nextOffset: 1 });
  });

  it("with follow: goes from before the first attempt to the last notice", async () => {
    const { log, bus, reader } = setUp();
    log.before = [entry("created")];
    const read = collect(reader, { follow: true });
    await waitFor("the first notice", () => read.texts.length === 1);
    log.before.push(entry("requested"));
    log.notify();
    await waitFor("the second notice", () => read.texts.length === 2);
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    log.notify();
    await bus.publishLog(batch(1, 0, 3));
    await waitFor("live lines", () => read.texts.length === 5);
    await log.archive(batch(1, 0, 3));
    log.end(1, 3);
    log.attempts.push({ number: 2, ended: false, segments: [] });
    await bus.publishLog(batch(2, 0, 1));
    await waitFor("the second attempt", () => read.texts.length === 6);
    await log.archive(batch(2, 0, 2));
    log.end(2, 2);
    log.finish(["complete"]);
    await read.done;
    expect(read.texts).toEqual(["created", "requested", ...textsOf(1, 0, 3), ...textsOf(2, 0, 2), "complete"]);
    expect(read).toMatchObject({ finished: true, nextOffset: 8 });
    expect(log.waiters).toBe(0);
  });

  it("with follow: waits for a gap and never shows it", async () => {
    const { log, bus, reader } = setUp();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    const read = collect(reader, { follow: true });
    await bus.publishLog(batch(1, 0, 2));
    await bus.publishLog(batch(1, 5, 2));
    await waitFor("the lines before the gap", () => read.texts.length === 2);
    await log.archive(batch(1, 0, 6));
    await waitFor("the lines after it", () => read.texts.length === 7);
    expect(read.texts).toEqual(textsOf(1, 0, 7));
    await read.cancel();
    expect(log.waiters).toBe(0);
  });

  it("with follow: lives from segments alone while the bus is away", async () => {
    const { log, bus, reader } = setUp();
    bus.setConnected(false);
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    const read = collect(reader, { follow: true });
    await log.archive(batch(1, 0, 2));
    await waitFor("the first segment", () => read.texts.length === 2);
    await log.archive(batch(1, 2, 2));
    log.end(1, 4);
    log.finish([]);
    await read.done;
    expect(read.texts).toEqual(textsOf(1, 0, 4));
  });

  it("with follow from an offset that does not exist yet: waits for it", async () => {
    const { log, bus, reader } = setUp();
    log.before = [entry("created")];
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    const read = collect(reader, { follow: true, offset: 4 });
    await bus.publishLog(batch(1, 0, 5));
    await waitFor("the lines", () => read.texts.length === 2);
    expect(read.texts).toEqual(textsOf(1, 3, 2));
    await read.cancel();
  });

  it("ends an attempt whose agent was lost after what is archived", async () => {
    const { log, reader } = setUp();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    await log.archive(batch(1, 0, 3));
    log.end(1);
    log.finish(["interrupted"]);
    const read = collect(reader, { follow: true });
    await read.done;
    expect(read.texts).toEqual([...textsOf(1, 0, 3), "interrupted"]);
  });

  it("does not look at the record for every live line", async () => {
    const { log, bus, reader } = setUp();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    const read = collect(reader, { follow: true });
    for (let number = 0; number < 200; number++) await bus.publishLog(batch(1, number, 1));
    await waitFor("the lines", () => read.texts.length === 200);
    expect(log.describeCount).toBeLessThan(10);
    await read.cancel();
  });

  it("leaves the backlog of a slow reader in the bus", async () => {
    const { log, bus, reader } = setUp();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    let delivered = 0;
    const subscribe = bus.subscribeLog.bind(bus);
    bus.subscribeLog = (runId, onBatch, options) =>
      subscribe(runId, (one: LogBatch) => (delivered++, onBatch(one)), options);
    const abort = new AbortController();
    const reading = reader.readLog({ runId: 42, offset: 0, follow: true, signal: abort.signal });
    const first = reading.next();
    for (let number = 0; number < 200; number++) {
      const one = batch(1, number, 1);
      for (const line of one.entries) line.text = "x".repeat(100_000);
      await bus.publishLog(one);
    }
    await first;
    await waitFor("the buffer to fill", () => delivered > 20);
    expect(delivered).toBeLessThan(40);
    let count = 1;
    while (count < 200) count += (await reading.next()).value?.entries.length ?? 0;
    expect(count).toBe(200);
    abort.abort();
    await reading.return();
  });

  it("gives every line once in order, whatever is published twice, late, never, or archived when", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ count: fc.integer({ min: 1, max: 4 }), fate: fc.constantFrom("live", "twice", "never") }),
          {
            maxLength: 20,
          },
        ),
        fc.integer({ min: 0, max: 10 }),
        async (pieces, segmentEvery) => {
          const { log, bus, reader } = setUp();
          log.attempts = [{ number: 1, ended: false, segments: [] }];
          const read = collect(reader, { follow: true });
          let total = 0;
          let archived = 0;
          for (const [index, { count, fate }] of pieces.entries()) {
            if (fate !== "never") await bus.publishLog(batch(1, total, count));
            if (fate === "twice" && total > 0) await bus.publishLog(batch(1, total - 1, count));
            total += count;
            if (segmentEvery > 0 && index % segmentEvery === 0) {
              await log.archive(batch(1, archived, total - archived));
              archived = total;
            }
          }
          if (archived < total) await log.archive(batch(1, archived, total - archived));
          log.end(1, total);
          log.finish(["complete"]);
          await read.done;
          expect(read.texts).toEqual([...textsOf(1, 0, total), "complete"]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
