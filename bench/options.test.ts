import { describe, expect, test } from "vitest";
import { parseOptions, usage } from "./options.ts";

const known = ["start", "chain", "memory"];

describe("parseOptions", () => {
  test("measures everything by itself", () => {
    expect(parseOptions([], known)).toEqual({ only: [], quick: false, json: undefined });
  });

  test("reads every option", () => {
    const words = ["--only", "start,chain", "--only=memory", "--quick", "--json", "a b.json"];
    expect(parseOptions(words, known)).toEqual({ only: known, quick: true, json: "a b.json" });
    expect(parseOptions(["memory", "--only=start", "chain"], known)).toMatchObject({
      only: ["start", "memory", "chain"],
    });
    expect(parseOptions(["--only", "start", "-h"], known)).toBe("help");
  });

  test.each(["starts", "", "start,", "start chain"])("refuses to measure only %j", (only) => {
    expect(() => parseOptions(["--only", only], known)).toThrow("--only knows start, chain, memory");
  });

  test.each([["--onyl", "start"], ["starts"], ["--json"]])("refuses %j", (...words) => {
    expect(() => parseOptions(words, known)).toThrow(new RegExp(words[0] ?? ""));
  });
});

test("the help names every measurement", () => {
  for (const name of known) expect(usage(known)).toContain(name);
});
