import { expect, test } from "vitest";
import { meets, metricProblem } from "./metric.ts";

test.each([
  [{ name: "", index: 0, value: 1 }, "1 to 200 characters"],
  [{ name: "n".repeat(201), index: 0, value: 1 }, "this one has 201"],
  [{ name: "a\u0000b", index: 0, value: 1 }, "control character"],
  [{ name: "a", index: 0.5, value: 1 }, "whole number"],
  [{ name: "a", index: 2 ** 53, value: 1 }, "whole number"],
  [{ name: "a", index: 0, value: Number.NaN }, "finite"],
  [{ name: "a", index: 0, value: -Infinity }, "finite"],
  [{ name: "a", index: 0, value: "t".repeat(8_193) }, "at most 8192"],
])("%j is no point", (point, words) => {
  expect(metricProblem(point)).toContain(words);
});

test("names of every script, any index and any finite value make a point", () => {
  expect(metricProblem({ name: "keras/val_ü 🚀", index: -5, value: -0 })).toBeUndefined();
  expect(metricProblem({ name: "n".repeat(200), index: 2 ** 53 - 1, value: "t".repeat(8_192) })).toBeUndefined();
});

test.each([
  [1, "eq", 1, true],
  [1, "eq", "1", false],
  ["done", "eq", "done", true],
  [2, "gt", 1, true],
  [1, "gt", 1, false],
  [1, "gte", 1, true],
  [0, "lt", 1, true],
  [1, "lt", 1, false],
  [1, "lte", 1, true],
  ["b", "gt", "a", false],
  ["2", "gt", 1, false],
] as const)("whether %j is %s %j: %j", (value, condition, asked, answer) => {
  expect(meets(value, condition, asked)).toBe(answer);
});
