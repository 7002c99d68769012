import { expect, test } from "vitest";
import { parseEpochTime, wallClock } from "./wall-clock.ts";

test("the clock tells the time that Date tells, with its fractions", () => {
  const clock = wallClock();
  const before = Date.now();
  const told = clock();
  expect(told).toBeGreaterThanOrEqual(before - 0.1);
  expect(told).toBeLessThan(Date.now() + 1.1);
});

test.each([
  ["1700000000.123456\n", 1_700_000_000_123.456],
  ["1700000000,000001", 1_700_000_000_000.001],
])("%j is understood", (text, expected) => {
  expect(parseEpochTime(text)).toBeCloseTo(expected, 3);
});

test.each(["", "\n", "1700000000", "1700000000.12", "x1700000000.123456"])("%j is refused", (text) => {
  expect(() => parseEpochTime(text)).toThrow("bash 5");
});
