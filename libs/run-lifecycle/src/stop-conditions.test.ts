import type { StopCondition } from "@spell/run-store";
import { describe, expect, it } from "vitest";
import { metStopCondition } from "./stop-conditions.ts";

const loss = (over: Partial<StopCondition> = {}): StopCondition => ({
  ...{ metric: "loss", operator: "<", value: 0.5, minIndex: 0 },
  ...over,
});
const latest = (numbers: Record<string, [index: number, value: number]>) =>
  new Map(Object.entries(numbers).map(([name, [index, value]]) => [name, { index, value }]));

describe("stop conditions", () => {
  it.each<[StopCondition["operator"], number, boolean]>([
    ["<", 0.4, true],
    ["<", 0.5, false],
    ["<=", 0.5, true],
    [">", 0.5, false],
    [">", 0.6, true],
    [">=", 0.5, true],
    [">=", Number.NaN, false],
  ])("loss %s 0.5 with %d is %s", (operator, value, expected) => {
    const met = metStopCondition([[loss({ operator })]], latest({ loss: [3, value] }));
    expect(met !== undefined).toBe(expected);
  });

  it("count from their index on", () => {
    const rule = [[loss({ minIndex: 10 })]];
    expect(metStopCondition(rule, latest({ loss: [9, 0] }))).toBeUndefined();
    expect(metStopCondition(rule, latest({ loss: [10, 0] }))).toBe(
      "Stopped by its stop condition loss < 0.5 from index 10 on: loss was 0 at index 10.",
    );
  });

  it("of one list hold together, of several any will do", () => {
    const rule = [[loss(), loss({ metric: "rate", operator: ">=", value: 2 })], [loss({ metric: "x", value: -1 })]];
    expect(metStopCondition(rule, latest({ loss: [0, 0] }))).toBeUndefined();
    expect(metStopCondition(rule, latest({ loss: [0, 0], rate: [0, 1] }))).toBeUndefined();
    expect(metStopCondition(rule, latest({ loss: [0, 0], rate: [7, 2] }))).toContain("loss < 0.5 && rate >= 2");
    expect(metStopCondition(rule, latest({ x: [0, -2] }))).toContain("x < -1");
    expect(metStopCondition([], latest({ loss: [0, 0] }))).toBeUndefined();
  });
});
