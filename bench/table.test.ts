import { expect, test } from "vitest";
import { formatNumber, formatTable } from "./table.ts";

test("columns line up, numbers to the right, without blanks at the end", () => {
  const rows = [
    ["figure", "p50", "note"],
    ["a", "1234", ""],
    ["longer name", "5", "x"],
  ];
  expect(formatTable(rows, new Set([1]))).toEqual([
    "figure        p50  note",
    "a            1234",
    "longer name     5  x",
  ]);
});

test.each([
  [0.004, "0.00"],
  [1.234, "1.23"],
  [9.996, "10.0"],
  [12.34, "12.3"],
  [99.96, "100"],
  [812345.6, "812,346"],
])("%d is shown as %s", (value, text) => {
  expect(formatNumber(value)).toBe(text);
});
