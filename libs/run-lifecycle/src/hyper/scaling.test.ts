import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ParameterRange } from "@spell/run-store";
import { fromUnit, toUnit } from "./scaling.ts";

const scalings = fc.constantFrom("linear" as const, "log" as const, "reverse_log" as const);
const floats = fc
  .record({
    ends: fc.tuple(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), fc.double({ min: 1e-6, max: 1e3, noNaN: true })),
    scaling: scalings,
  })
  .filter(({ ends: [one, other] }) => Math.abs(one - other) > 1e-6 * Math.max(one, other))
  .map(({ ends, scaling }): ParameterRange => ({
    min: Math.min(...ends),
    max: Math.max(...ends),
    scaling,
    type: "float",
  }));
const ints = fc
  .record({ min: fc.integer({ min: 1, max: 50 }), width: fc.integer({ min: 1, max: 50 }), scaling: scalings })
  .map(({ min, width, scaling }): ParameterRange => ({ min, max: min + width, scaling, type: "int" }));
const unit = fc.double({ min: 0, max: 1, noNaN: true });

describe("a range", () => {
  it("holds every value, both ends included, and grows with the place", () => {
    fc.assert(
      fc.property(fc.oneof(floats, ints), unit, unit, (range, one, other) => {
        const [low, high] = [fromUnit(range, Math.min(one, other)), fromUnit(range, Math.max(one, other))];
        expect(low).toBeGreaterThanOrEqual(range.min);
        expect(high).toBeLessThanOrEqual(range.max);
        expect(low).toBeLessThanOrEqual(high);
        expect(fromUnit(range, 0)).toBe(range.min);
        expect(fromUnit(range, 1)).toBe(range.max);
        if (range.type === "int") expect(Number.isInteger(low)).toBe(true);
      }),
    );
  });

  it("gives back the place of a value", () => {
    fc.assert(
      fc.property(floats, unit, (range, place) => {
        expect(toUnit(range, fromUnit(range, place))).toBeCloseTo(place, 4);
      }),
    );
    fc.assert(
      fc.property(ints, unit, (range, place) => {
        const value = fromUnit(range, place);
        expect(fromUnit(range, toUnit(range, value))).toBe(value);
      }),
    );
  });

  it("with whole numbers gives each end as much room as any other", () => {
    const range: ParameterRange = { min: 16, max: 19, scaling: "linear", type: "int" };
    const counts = new Map<number, number>();
    for (let step = 0.5; step < 400; step += 1) {
      const value = fromUnit(range, step / 400);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts]).toEqual([16, 17, 18, 19].map((value) => [value, 100]));
  });

  it("with log scaling halves by ratios, with reverse_log by their mirror image", () => {
    const ends = { min: 1e-4, max: 1e-2, type: "float" } as const;
    expect(fromUnit({ ...ends, scaling: "log" }, 0.5)).toBeCloseTo(1e-3, 12);
    expect(fromUnit({ ...ends, scaling: "reverse_log" }, 0.5)).toBeCloseTo(1e-4 + 1e-2 - 1e-3, 12);
    expect(fromUnit({ min: 1e-300, max: 1e300, scaling: "log", type: "float" }, 0.5)).toBeCloseTo(1, 6);
  });
});
