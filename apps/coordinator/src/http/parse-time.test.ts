import { expect, test } from "vitest";
import { parseTime } from "./parse-time.ts";
import { wireTime } from "./wire.ts";

test.each([
  ["1970-01-01T00:00:00.000000Z", 0],
  ["2024-01-31T12:34:56.123456Z", 1_706_704_496_123.456],
  ["2024-01-31T12:34:56.000001Z", 1_706_704_496_000.001],
  ["2024-01-31T12:34:56.999999Z", 1_706_704_496_999.999],
])("%s is written and read back to the microsecond", (text, atMs) => {
  expect(wireTime(atMs)).toBe(text);
  expect(parseTime(text)).toBe(atMs);
});

test.each([
  ["2024-01-31T12:34:56Z", "2024-01-31T12:34:56.000000Z"],
  ["2024-01-31T12:34:56.1+00:00", "2024-01-31T12:34:56.100000Z"],
  ["2024-01-31T14:34:56.123456789+02:00", "2024-01-31T12:34:56.123456Z"],
  ["2024-01-31 14:34:56+0200", "2024-01-31T12:34:56.000000Z"],
  ["2024-01-31T12:34:56.5", "2024-01-31T12:34:56.500000Z"],
])("%s is %s", (text, same) => {
  expect(wireTime(parseTime(text) ?? 0)).toBe(same);
});

test.each(["", "now", "2024-13-31T12:34:56Z", "Wed, 31 Jan 2024 12:34:56 GMT", "1706704496", `${"9".repeat(500)}Z`])(
  "%j is no time",
  (text) => {
    expect(() => parseTime(text)).toThrow("is no time");
  },
);

test("none is none", () => {
  expect([parseTime(null), parseTime(undefined)]).toEqual([undefined, undefined]);
});
