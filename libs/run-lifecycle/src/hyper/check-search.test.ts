import { describe, expect, it } from "vitest";
import type { ParameterRange, SearchSpec } from "@spell/run-store";
import { checkSearch, toRange } from "./check-search.ts";

const range = (over: Partial<ParameterRange> = {}): ParameterRange => ({
  ...{ min: 1, max: 2, scaling: "linear", type: "float" },
  ...over,
});
const grid = (...values: (string | number)[]): SearchSpec => ({ kind: "grid", parameters: [{ name: "p", values }] });
const random = (over: Partial<ParameterRange>, numRuns = 3): SearchSpec => ({
  ...{ kind: "random", numRuns },
  parameters: [{ name: "p", range: range(over) }],
});
const bayesian = (over: object): SearchSpec => ({
  ...{ kind: "bayesian", numRuns: 3, parallelRuns: 2, metric: "acc", aggregation: "max" },
  parameters: [{ name: "p", range: range() }],
  ...over,
});
const named = (...names: string[]): SearchSpec => ({
  kind: "grid",
  parameters: names.map((name) => ({ name, values: [1] })),
});

describe("a search", () => {
  it.each([
    grid(1, "1e4", 0.5, ""),
    random({ min: -1, max: 1 }),
    random({ min: 1, max: 1e9, type: "int", scaling: "reverse_log" }, 1_000),
    bayesian({}),
    bayesian({ parallelRuns: 9 }),
    named("lr", "model", "a-b.c_D9", "__proto__"),
  ])("may be %j", (spec) => {
    expect(() => checkSearch(spec)).not.toThrow();
  });

  it.each<[SearchSpec, RegExp]>([
    [named(), /at least one parameter/],
    [named(...Array.from({ length: 51 }, (_, place) => `p${place}`)), /50 parameters at most, this one has 51/],
    [named("a", "a"), /"a" is given twice/],
    [named(""), /"" cannot be the name/],
    [named("a b"), /"a b" cannot be the name/],
    [named("a\n"), /cannot be the name/],
    [named(":a:"), /cannot be the name/],
    [named("x".repeat(101)), /cannot be the name/],
    [named("runs"), /cannot be called "runs"/],
    [grid(), /"p" has no values/],
    [grid(Number.NaN), /neither a finite number nor a text/],
    [grid("a\0b"), /neither a finite number nor a text/],
    [grid("x".repeat(10_001)), /neither a finite number nor a text/],
    [grid(...Array.from({ length: 1_001 }, () => 1)), /more than 1000 values/],
    [
      { kind: "grid", parameters: [..."abc"].map((name) => ({ name, values: Array.from({ length: 11 }, () => 1) })) },
      /1331 runs; a search may have 1000/,
    ],
    [random({ min: 2, max: 2 }), /from 2 to 2: the first must be the smaller/],
    [random({ min: 3, max: 2 }), /the first must be the smaller/],
    [random({ min: Number.NaN }), /finite numbers/],
    [random({ max: Infinity }), /finite numbers/],
    [random({ min: -1.7e308, max: 1.7e308 }), /wider than numbers reach/],
    [random({ min: 0.5, type: "int" }), /whole numbers/],
    [random({ max: 2 ** 60, type: "int" }), /whole numbers/],
    [random({ min: 0, scaling: "log" }), /with log scaling, which needs numbers above 0/],
    [random({ min: -1, scaling: "reverse_log" }), /with reverse_log scaling/],
    [random({}, 0), /num_runs is 0/],
    [random({}, 1.5), /num_runs is 1.5/],
    [random({}, 1_001), /num_runs is 1001/],
    [bayesian({ parallelRuns: 0 }), /parallel_runs is 0/],
    [bayesian({ metric: " " }), /name of the metric/],
    [bayesian({ metric: "m".repeat(10_001) }), /longer than/],
  ])("is refused as %j", (spec, sentence) => {
    expect(() => checkSearch(spec)).toThrow(sentence);
    expect(() => checkSearch(spec)).toThrow(/\.$/);
  });
});

describe("a range as it is written", () => {
  it("is linear and float unless said otherwise", () => {
    expect(toRange({ min: 1, max: 2 })).toEqual(range());
    expect(toRange({ min: 1, max: 2, scaling: "", type: "" })).toEqual(range());
    expect(toRange({ min: 1, max: 2, scaling: "log", type: "int" })).toEqual(range({ scaling: "log", type: "int" }));
  });

  it("is refused with words that mean nothing", () => {
    expect(() => toRange({ min: 1, max: 2, scaling: "cubic" })).toThrow(/"cubic" is no scaling/);
    expect(() => toRange({ min: 1, max: 2, type: "bool" })).toThrow(/"bool" is no type/);
  });
});
