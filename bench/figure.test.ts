import { describe, expect, test } from "vitest";
import type { Figure } from "./figure.ts";
import { atLeast, atMost, comparedWith, durations, figureTable, shareOf } from "./figure.ts";

const rate = (p50: number): Figure => ({ name: "rate", unit: "/s", p50, samples: 10 });

describe("bars", () => {
  test.each([
    { limits: { p50: 2 }, text: "p50 ≤ 2 ms", reached: true },
    { limits: { p50: 1.9 }, text: "p50 ≤ 1.9 ms", reached: false },
    { limits: { p50: 2, p99: 3 }, text: "p50 ≤ 2 ms, p99 ≤ 3 ms", reached: true },
    { limits: { p50: 2, p99: 2.9 }, text: "p50 ≤ 2 ms, p99 ≤ 2.9 ms", reached: false },
  ])("$text of 1, 2, 3 ms: $reached", ({ limits, text, reached }) => {
    expect(atMost(durations("x", [1, 2, 3]), limits)).toEqual({ text, reached });
  });

  test("a bar on p99 is missed where p99 is not known", () => {
    expect(atMost(rate(1), { p50: 2, p99: 2 }).reached).toBe(false);
  });

  test("rates are better the larger they are", () => {
    expect(atLeast(rate(500), 500)).toEqual({ text: "≥ 500 /s", reached: true });
    expect(atLeast(rate(499), 500).reached).toBe(false);
    expect(shareOf(rate(60), rate(100), 60).reached).toBe(true);
    expect(shareOf(rate(59), rate(100), 60).reached).toBe(false);
  });
});

test("the table says what is missed and how far the reference is", () => {
  const figure = comparedWith(durations("start", [10, 20]), durations("bare", [5]), "bare");
  const [, line] = figureTable([{ ...figure, bar: atMost(figure, { p50: 9 }) }]);
  expect(line).toMatch(/^start +15\.0 +19\.9 +ms +2 +p50 ≤ 9 ms: MISSED +3\.00 × bare$/);
});
