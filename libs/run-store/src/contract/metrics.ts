/** Metrics: points in order, each once, and what is asked of them. */
import { describe, expect, it } from "vitest";
import type { MetricPoint, NamedPoint } from "../metrics.ts";
import type { OpenFixture } from "./samples.ts";

const START_MS = 1_700_000_000_000;

/** Points of one metric, a microsecond apart, the first at number `from`. */
function points(name: string, values: readonly (number | string)[], from = 0): NamedPoint[] {
  return values.map((value, at) => ({ name, atMs: START_MS + (from + at) / 1_000, index: from + at, value }));
}

function unnamed({ atMs, index, value }: NamedPoint): MetricPoint {
  return { atMs, index, value };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}

export function describeMetrics(open: OpenFixture): void {
  describe("metrics", () => {
    it("of a run without any are none", async () => {
      await using fixture = await open();
      const { metrics } = fixture.store;
      expect(await metrics.names(1)).toEqual([]);
      expect(await metrics.listPoints(1, "loss")).toEqual([]);
      expect(await metrics.summary(1, "loss")).toBeUndefined();
      expect(await metrics.countPoints(1, 1)).toBe(0);
      expect(await metrics.addBatch(1, 1, 0, [])).toBe(0);
    });

    it("keep every point as it was sent, by run and name", async () => {
      await using fixture = await open();
      const { metrics } = fixture.store;
      const odd = points("keras/val ü 'x", [
        -0.5,
        1e308,
        5e-324,
        'text, "quoted" \u2028 \']',
        "",
        9_007_199_254_740_991,
      ]);
      expect(await metrics.addBatch(1, 1, 0, [...odd, ...points("__proto__", [1])])).toBe(7);
      await metrics.addBatch(2, 1, 0, points("loss", [3]));
      expect(await metrics.names(1)).toEqual(["keras/val ü 'x", "__proto__"]);
      expect(await metrics.listPoints(1, "keras/val ü 'x")).toEqual(odd.map(unnamed));
      expect(await metrics.listPoints(1, "loss")).toEqual([]);
      expect(await metrics.listPoints(2, "loss")).toEqual(points("loss", [3]).map(unnamed));
    });

    it("record each point once, however often and in whatever cut it arrives", async () => {
      await using fixture = await open();
      const { metrics } = fixture.store;
      const all = points("loss", range(10));
      expect(await metrics.addBatch(1, 1, 0, all.slice(0, 4))).toBe(4);
      expect(await metrics.addBatch(1, 1, 0, all.slice(0, 4))).toBe(4);
      expect(await metrics.addBatch(1, 1, 2, all.slice(2, 7))).toBe(7);
      expect(await metrics.addBatch(1, 1, 8, all.slice(8))).toBe(7);
      await Promise.all([1, 2, 3].map(() => metrics.addBatch(1, 1, 0, all)));
      expect(await metrics.countPoints(1, 1)).toBe(10);
      expect(await metrics.listPoints(1, "loss")).toEqual(all.map(unnamed));
    });

    it("count each attempt from 0 and go on in time, whatever its clock says", async () => {
      await using fixture = await open();
      const { metrics } = fixture.store;
      await metrics.addBatch(1, 1, 0, points("loss", [1, 2]));
      await metrics.addBatch(1, 2, 0, points("loss", [3, 4]));
      const times = (await metrics.listPoints(1, "loss")).map(({ atMs }) => Math.round((atMs - START_MS) * 1_000));
      expect(times).toEqual([0, 1, 2, 3]);
      expect(await metrics.countPoints(1, 2)).toBe(2);
    });

    it("are listed after a time, and so many", async () => {
      await using fixture = await open();
      const { metrics } = fixture.store;
      const all = points("loss", range(2_500));
      for (let at = 0; at < 50; at += 1) await metrics.addBatch(1, 1, at, all.slice(at, at + 1));
      await metrics.addBatch(1, 1, 50, all.slice(50));
      expect(await metrics.listPoints(1, "loss")).toEqual(all.map(unnamed));
      for (const [at, limit] of [
        [0, 3],
        [48, 5],
        [1_049, 1_200],
        [2_498, 10],
        [2_499, 10],
      ] as const) {
        const page = await metrics.listPoints(1, "loss", { afterMs: all[at]?.atMs, limit });
        expect(page).toEqual(all.slice(at + 1, at + 1 + limit).map(unnamed));
      }
      expect(await metrics.listPoints(1, "loss", { afterMs: START_MS - 1, limit: 1 })).toEqual(
        all.slice(0, 1).map(unnamed),
      );
      expect(await metrics.listPoints(1, "loss", { limit: 0 })).toEqual([]);
    });

    it("are summed up over the numbers alone", async () => {
      await using fixture = await open();
      const { metrics } = fixture.store;
      await metrics.addBatch(1, 1, 0, points("loss", ["starting"]));
      expect(await metrics.summary(1, "loss")).toBeUndefined();
      await metrics.addBatch(1, 1, 1, points("loss", [2, -1, "x"], 1));
      await metrics.addBatch(1, 1, 4, points("loss", [0.5, "y"], 4));
      expect(await metrics.summary(1, "loss")).toEqual({
        count: 3,
        min: -1,
        max: 2,
        sum: 1.5,
        last: 0.5,
        lastIndex: 4,
      });
    });

    it("survive numbers whose sum is too large", async () => {
      await using fixture = await open();
      const { metrics } = fixture.store;
      const { MAX_VALUE } = Number;
      await metrics.addBatch(1, 1, 0, points("loss", [MAX_VALUE, MAX_VALUE, -MAX_VALUE, -MAX_VALUE]));
      expect(await metrics.summary(1, "loss")).toMatchObject({ count: 4, min: -MAX_VALUE, max: MAX_VALUE });
    });

    it("outlive the process", async () => {
      await using fixture = await open();
      const all = points("loss", range(5));
      await fixture.store.metrics.addBatch(1, 1, 0, all);
      const { metrics } = await fixture.reopen();
      expect(await metrics.listPoints(1, "loss")).toEqual(all.map(unnamed));
      expect(await metrics.addBatch(1, 1, 3, points("loss", [3, 4, 5], 3))).toBe(6);
    });
  });
}
