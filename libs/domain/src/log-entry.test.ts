import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration } from "./log-entry.ts";

describe("formatDuration", () => {
  it.each([
    [6_870.837, "6.870837s"],
    [67_057.677, "1m7.057677s"],
    [((44 * 60 + 36) * 60 + 34) * 1_000 + 553.059, "44h36m34.553059s"],
    [0, "0s"],
    [-5, "0s"],
    [0.001, "0.000001s"],
    [0.0001, "0s"],
    [1, "0.001s"],
    [1_000, "1s"],
    [60_000, "1m0s"],
    [3_600_000, "1h0m0s"],
    [3_661_500, "1h1m1.5s"],
    [59_999.9999, "1m0s"],
    [3_599_999.9999, "1h0m0s"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it("always reads back as the same duration, with seconds and minutes below sixty", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        const match = /^(?:(\d+)h)?(?:(\d+)m)?(\d+(?:\.\d{1,6})?)s$/.exec(formatDuration(ms));
        expect(match).not.toBeNull();
        const [hours, minutes, seconds] = [match?.[1], match?.[2], match?.[3]].map((part) => Number(part ?? 0));
        expect(minutes).toBeLessThan(60);
        expect(seconds).toBeLessThan(60);
        const readMs = (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1_000;
        expect(Math.abs(readMs - ms)).toBeLessThan(0.001);
      }),
    );
  });
});
