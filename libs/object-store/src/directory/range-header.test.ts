import { describe, expect, it } from "vitest";
import { parseRangeHeader } from "./range-header.ts";

describe("range header", () => {
  it.each([
    ["bytes=0-0", 10, 0, 1],
    ["bytes=0-9", 10, 0, 10],
    ["bytes=3-", 10, 3, 7],
    ["bytes=3-100", 10, 3, 7],
    ["bytes=-4", 10, 6, 4],
    ["bytes=-100", 10, 0, 10],
    [" bytes=9-9 ", 10, 9, 1],
  ])("%s of %i bytes", (header, sizeBytes, offset, length) => {
    expect(parseRangeHeader(header, sizeBytes)).toEqual({ kind: "part", range: { offset, length } });
  });

  it.each([
    ["bytes=10-", 10],
    ["bytes=10-12", 10],
    ["bytes=0-0", 0],
    ["bytes=-0", 10],
    ["bytes=-5", 0],
    ["bytes=999999999999999-", 10],
  ])("%s of %i bytes is outside", (header, sizeBytes) => {
    expect(parseRangeHeader(header, sizeBytes)).toEqual({ kind: "unsatisfiable" });
  });

  it.each([undefined, "", "bytes", "bytes=-", "bytes=5-3", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=-1-2"])(
    "%j counts as no range",
    (header) => {
      expect(parseRangeHeader(header, 10)).toEqual({ kind: "whole" });
    },
  );
});
