import { expect, test } from "vitest";
import { parseByteSize, sizeText } from "./byte-size.ts";

test.each([
  ["50GiB", 50 * 2 ** 30],
  ["1.5 TB", 1.5e12],
  ["800M", 800 * 2 ** 20],
  ["4096", 4096],
  [" 10kb ", 10_000],
])("%s", (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each(["", "GiB", "-1GiB", "1e9", "10 parsecs", "1.GiB", "0x10", "99999999TiB", "constructor"])(
  "%j is refused with what to write instead",
  (text) => {
    expect(() => parseByteSize(text)).toThrow(/not a size.*such as 50GiB/);
  },
);

test.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1536, "1.5 KiB"],
  [50 * 2 ** 30, "50 GiB"],
  [5000 * 2 ** 40, "5000 TiB"],
])("%d bytes for people", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
