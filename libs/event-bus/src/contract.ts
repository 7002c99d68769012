/** The event bus's contract as a suite: every driver passes it. */
import { MAX_ENTRY_BYTES } from "@spell/domain";
import type { LogBatch, LogEntry } from "@spell/domain";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EventBus, StatusNews } from "./event-bus.ts";

export interface EventBusContract {
  name: string;
  /** Two handles on the same bus, connected. */
  open(): Promise<{ first: EventBus; second: EventBus; close(): Promise<void> }>;
}

let lastRunId = 1_000;

/** A run number of its own, so that tests share a bus. */
function newRunId(): number {
  return ++lastRunId;
}

/** `count` lines numbered from `firstNumber`. */
export function lines(runId: number, firstNumber: number, count: number): LogBatch {
  const entries = Array.from({ length: count }, (_, index): LogEntry => ({
    atMs: 1_700_000_000_000,
    text: `line ${firstNumber + index}`,
    status: "running",
    statusEvent: false,
    level: "",
    partial: false,
  }));
  return { runId, attempt: 1, firstNumber, entries };
}

/** The texts of batches, in the order they came. */
export function textsOf(batches: readonly LogBatch[]): string[] {
  return batches.flatMap((batch) => batch.entries.map((entry) => entry.text));
}

/** Declares the suite for one driver. */
export function describeEventBus(contract: EventBusContract): void {
  describe(`event bus contract: ${contract.name}`, () => {
    let opened: Awaited<ReturnType<EventBusContract["open"]>>;
    beforeAll(async () => {
      opened = await contract.open();
    }, 30_000);
    afterAll(() => opened.close());

    it("delivers status news of all runs to every subscriber", async () => {
      const seen: StatusNews[][] = [[], []];
      const subscriptions = [
        await opened.first.subscribeStatus((news) => void seen[0]?.push(news)),
        await opened.second.subscribeStatus((news) => void seen[1]?.push(news)),
      ];
      const runId = newRunId();
      await opened.first.publishStatus({ runId, status: "building", version: 1 });
      await opened.second.publishStatus({ runId: runId + 500_000, status: "running", version: 2 });
      for (const list of seen) await waitFor("both news", () => list.length === 2);
      expect(seen[0]).toContainEqual({ runId, status: "building", version: 1 });
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    });

    it("gives a log's backlog and then live batches, in order, to a reader on another connection", async () => {
      const runId = newRunId();
      await opened.first.publishLog(lines(runId, 0, 3));
      const batches: LogBatch[] = [];
      const subscription = await opened.second.subscribeLog(runId, (batch) => void batches.push(batch));
      await waitFor("the backlog", () => textsOf(batches).length === 3);
      await opened.first.publishLog(lines(runId, 3, 2));
      await waitFor("the live lines", () => textsOf(batches).length === 5);
      expect(textsOf(batches)).toEqual(textsOf([lines(runId, 0, 5)]));
      await subscription.close();
      await opened.first.publishLog(lines(runId, 5, 1));
      await opened.first.publishLog(lines(newRunId(), 0, 1));
      expect(textsOf(batches)).toHaveLength(5);
    });

    it("drops a repeated batch", async () => {
      const runId = newRunId();
      const batches: LogBatch[] = [];
      const subscription = await opened.second.subscribeLog(runId, (batch) => void batches.push(batch));
      for (let round = 0; round < 3; round++) await opened.first.publishLog(lines(runId, 0, 4));
      await opened.first.publishLog(lines(runId, 4, 1));
      await waitFor("the last line", () => textsOf(batches).includes("line 4"));
      expect(textsOf(batches)).toHaveLength(5);
      await subscription.close();
    });

    it("keeps runs apart", async () => {
      const [one, other] = [newRunId(), newRunId()];
      const batches: LogBatch[] = [];
      const subscription = await opened.first.subscribeLog(one, (batch) => void batches.push(batch));
      await opened.first.publishLog(lines(other, 0, 1));
      await opened.first.publishLog(lines(one, 7, 1));
      await waitFor("the line", () => batches.length > 0);
      expect(batches.map((batch) => batch.firstNumber)).toEqual([7]);
      await subscription.close();
    });

    it("carries a batch far above one message, cut between entries", async () => {
      const runId = newRunId();
      const batch = lines(runId, 10, 12);
      for (const entry of batch.entries) entry.text = "é".repeat(MAX_ENTRY_BYTES / 2);
      const batches: LogBatch[] = [];
      const subscription = await opened.second.subscribeLog(runId, (part) => void batches.push(part));
      await opened.first.publishLog(batch);
      await waitFor("all entries", () => textsOf(batches).length === 12);
      expect(textsOf(batches)).toEqual(textsOf([batch]));
      expect(batches.length).toBeGreaterThan(1);
      expect(batches.map((part) => part.firstNumber)[0]).toBe(10);
      await subscription.close();
    });

    it("waits for a slow reader", async () => {
      const runId = newRunId();
      let release: (() => void) | undefined;
      const batches: LogBatch[] = [];
      const subscription = await opened.second.subscribeLog(runId, async (batch) => {
        batches.push(batch);
        await new Promise<void>((resolve) => (release = resolve));
      });
      for (let number = 0; number < 5; number++) await opened.first.publishLog(lines(runId, number, 1));
      for (let given = 1; given <= 5; given++) {
        await waitFor("the next batch", () => batches.length === given && release !== undefined);
        const go = release;
        release = undefined;
        go?.();
      }
      expect(textsOf(batches)).toEqual(textsOf([lines(runId, 0, 5)]));
      await subscription.close();
    });

    it("tells a run's last batch", async () => {
      const runId = newRunId();
      expect(await opened.second.lastLog(runId)).toBeUndefined();
      await opened.first.publishLog(lines(runId, 0, 3));
      await opened.first.publishLog(lines(runId, 3, 2));
      expect(await opened.second.lastLog(runId)).toEqual(lines(runId, 3, 2));
    });

    it("survives a listener that throws", async () => {
      const runId = newRunId();
      const batches: LogBatch[] = [];
      const subscription = await opened.first.subscribeLog(runId, (batch) => {
        batches.push(batch);
        throw new Error("a bug of the listener");
      });
      await opened.first.publishLog(lines(runId, 0, 1));
      await opened.first.publishLog(lines(runId, 1, 1));
      await waitFor("both batches", () => batches.length === 2);
      await subscription.close();
    });
  });
}
