import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawParameters, gridParameters, gridSize } from "./draw.ts";
import { normal, seededRandom } from "./random.ts";

describe("a grid", () => {
  it("has every combination once, the first parameter changing slowest", () => {
    const parameters = [
      { name: "lr", values: [0.1, "1e4"] },
      { name: "layers", values: [2, 3] },
    ];
    expect(gridParameters(parameters)).toEqual([
      { lr: 0.1, layers: 2 },
      { lr: 0.1, layers: 3 },
      { lr: "1e4", layers: 2 },
      { lr: "1e4", layers: 3 },
    ]);
    expect(gridSize(parameters)).toBe(4);
  });

  it("has as many combinations as the product of its lengths, all different", () => {
    const lists = fc.array(fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(lists, (values) => {
        const parameters = values.map((each, place) => ({ name: `p${place}`, values: each }));
        const combinations = gridParameters(parameters).map((each) => JSON.stringify(each));
        expect(new Set(combinations).size).toBe(gridSize(parameters));
      }),
    );
  });

  it("keeps the name __proto__ a name", () => {
    const [first] = gridParameters([{ name: "__proto__", values: [1] }]);
    expect(Object.entries(first ?? {})).toEqual([["__proto__", 1]]);
  });
});

describe("a draw", () => {
  const parameters = [
    { name: "units", range: { min: 16, max: 18, scaling: "linear", type: "int" } as const },
    { name: "kind", values: ["a", "b"] },
  ];

  it("comes to every value in the end, and follows from the seed", () => {
    const draws = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 100 }, () => drawParameters(parameters, random));
    };
    expect(new Set(draws(1).map((draw) => `${draw["units"]}${draw["kind"]}`)).size).toBe(6);
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
  });
});

describe("random numbers", () => {
  it("lie between 0 and 1, and differ from stream to stream", () => {
    const means = [0, 1, 2, 2 ** 31 - 1].map((seed) => {
      const random = seededRandom(seed, 3);
      const numbers = Array.from({ length: 2_000 }, random);
      expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
      return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    });
    for (const mean of means) expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
    expect(new Set(means).size).toBe(4);
    expect(seededRandom(1, 0)()).not.toBe(seededRandom(1, 1)());
  });

  it("of the normal distribution have its mean and deviation", () => {
    const random = seededRandom(5);
    const numbers = Array.from({ length: 5_000 }, () => normal(random));
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    const variance = numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0) / numbers.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(variance - 1)).toBeLessThan(0.1);
  });
});
