import { describe, expect, test } from "vitest";
import { parseAddress, parseAddresses } from "./addresses.ts";

describe("the address of a coordinator", () => {
  test.each([
    ["gpu-box", "gpu-box:7800"],
    [" gpu-box:1 ", "gpu-box:1"],
    ["[::1]:9", "[::1]:9"],
  ])("%j is %s", (text, address) => expect(parseAddress(text)).toBe(address));

  test.each(["", ":", "a:0", "a:65536", "a:b", "a b", "http://a:1", "a,b", "::1", "user@a"])("%j is none", (text) =>
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: "invalid-input", reason: "bad-address" })),
  );

  test("several stand with commas between, each counts once, in their order", () => {
    expect(parseAddresses("b:1, a,b:1")).toEqual(["b:1", "a:7800"]);
    expect(parseAddresses("a")).toEqual(["a:7800"]);
    for (const text of ["", ",", "a,", "a,,b", "a,b:x"]) expect(() => parseAddresses(text), text).toThrow(/address/);
  });
});
