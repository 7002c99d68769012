import { expect, it } from "vitest";
import { TEST_FUNCTIONS } from "./test-functions.ts";

/** Where each is known to be largest, in the unit cube. */
const TOPS: Readonly<Record<string, number[]>> = {
  Branin: [(Math.PI + 5) / 15, 2.275 / 15],
  Hartmann: [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573],
  Rosenbrock: Array.from({ length: 4 }, () => (1 + 2.048) / 4.096),
  Ackley: [0.5, 0.5, 0.5, 0.5],
};

it.each(TEST_FUNCTIONS)("$name has its maximum where it is known to be", ({ name, dimensions, maximum, at }) => {
  const top = TOPS[name] ?? [];
  expect(top).toHaveLength(dimensions);
  expect(at(top)).toBeCloseTo(maximum, 4);
  for (const place of top.keys()) {
    for (const step of [-0.01, 0.01]) {
      expect(at(top.map((value, each) => (each === place ? value + step : value)))).toBeLessThan(maximum);
    }
  }
});
