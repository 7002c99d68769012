import { describe, expect, test } from "vitest";
import { mean, median, percentile } from "./statistics.ts";

describe("percentile", () => {
  test.each([
    { values: [7], percent: 0, expected: 7 },
    { values: [7], percent: 99, expected: 7 },
    { values: [3, 1, 2], percent: 50, expected: 2 },
    { values: [10, 9], percent: 0, expected: 9 },
    { values: [10, 9], percent: 100, expected: 10 },
    { values: [0, 10], percent: 25, expected: 2.5 },
    { values: Array.from({ length: 101 }, (_, index) => 100 - index), percent: 99, expected: 99 },
  ])("p$percent of $values.length values is $expected", ({ values, percent, expected }) => {
    expect(percentile(values, percent)).toBe(expected);
  });

  test("sorts by number and leaves the values as they were", () => {
    const values = [100, 9, 20];
    expect(percentile(values, 50)).toBe(20);
    expect(values).toEqual([100, 9, 20]);
  });

  test.each([[[]], [[1, Number.NaN]], [[Number.POSITIVE_INFINITY]]])("refuses %j", (values) => {
    expect(() => percentile(values, 50)).toThrow();
  });
});

test("the median of an even number of values lies between the two in the middle", () => {
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

test("the mean", () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(() => mean([])).toThrow("no values");
});
