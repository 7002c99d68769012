import { describe, expect, test } from "vitest";
import { parseOptions } from "./options.ts";

describe("parseOptions", () => {
  test("asks for nothing by itself", () => {
    expect(parseOptions([])).toEqual({ text: undefined, seconds: undefined, typescript: false, keep: false });
  });

  test("reads every option", () => {
    const words = ["--text", "a b.txt", "--seconds=2.5", "--typescript", "--keep"];
    expect(parseOptions(words)).toEqual({ text: "a b.txt", seconds: 2.5, typescript: true, keep: true });
    expect(parseOptions(["-h"])).toBe("help");
  });

  test.each(["0", "-1", "1e3", "soon", "", "Infinity", "86401"])("refuses %j seconds", (word) => {
    expect(() => parseOptions([`--seconds=${word}`])).toThrow("--seconds needs a number");
  });

  test.each([[["--txt", "a"]], [["a.txt"]], [["--text"]]])("refuses %j", (words) => {
    expect(() => parseOptions(words)).toThrow(/--txt|a\.txt|--text/);
  });
});
