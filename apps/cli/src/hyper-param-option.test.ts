import { describe, expect, it } from "vitest";
import { parseLists, parseListsAndRanges, parseRanges } from "./hyper-param-option.ts";

describe("parameters of a search", () => {
  it("by grid are lists of whole numbers, other numbers and texts", () => {
    const param = ["lr=0.1,1e-4,abc", "units=3,-4,+5,007", "odd=a=b,,1:2,0x10,9007199254740993,1e999,NaN"];
    expect(parseLists({ param, jsonParam: ['s=["a,b", 1, 2.5]'] })).toEqual({
      lr: [0.1, 1e-4, "abc"],
      units: [3, -4, 5, 7],
      odd: ["a=b", "", "1:2", "0x10", "9007199254740993", "1e999", "NaN"],
      s: ["a,b", 1, 2.5],
    });
  });

  it("at random are lists or ranges", () => {
    const param = [
      "a=0:1",
      "b=1:5:linear:int",
      "c=1e-4:.5:log",
      "d=0.9:0.99:reverse_log",
      "e=1:2:int",
      "w=a,b",
      "x=a:b,c:d",
    ];
    expect(parseListsAndRanges({ param })).toEqual({
      a: { min: 0, max: 1 },
      b: { min: 1, max: 5, scaling: "linear", type: "int" },
      c: { min: 1e-4, max: 0.5, scaling: "log" },
      d: { min: 0.9, max: 0.99, scaling: "reverse_log" },
      e: { min: 1, max: 2, type: "int" },
      w: ["a", "b"],
      x: ["a:b", "c:d"],
    });
  });

  it("of bayesian searches are ranges", () => {
    expect(parseRanges({ param: ["lr=0:1", "u=1:5:int", "v=1:5:log:int"] })).toEqual({
      lr: { min: 0, max: 1 },
      u: { min: 1, max: 5, type: "int" },
      v: { min: 1, max: 5, scaling: "log", type: "int" },
    });
  });

  it.each([
    [() => parseLists({ param: ["lr"] }), /--param "lr" cannot be understood: write --param NAME=VALUE/],
    [() => parseLists({ param: ["=1"] }), /cannot be understood/],
    [() => parseLists({ param: ["a=1", "a=2"] }), /a is given twice/],
    [() => parseLists({ param: ["a=1"], jsonParam: ["a=[1]"] }), /a is given twice/],
    [() => parseLists({ jsonParam: ["a={}"] }), /--json-param "a={}"/],
    [() => parseLists({ jsonParam: ["a=[true]"] }), /--json-param/],
    [() => parseLists({ jsonParam: ["a=["] }), /--json-param/],
    [() => parseLists({ jsonParam: ["a"] }), /--json-param/],
    [() => parseListsAndRanges({ param: ["a=x:y"] }), /MIN:MAX\[:linear/],
    [() => parseListsAndRanges({ param: ["a=1:2:3:4:5"] }), /cannot be understood/],
    [() => parseListsAndRanges({ param: ["a=1:2:int:log"] }), /cannot be understood/],
    [() => parseRanges({ param: ["a=1,5"] }), /NAME=MIN:MAX/],
    [() => parseRanges({ param: ["a=1"] }), /NAME=MIN:MAX/],
    [() => parseRanges({ param: ["a=1:"] }), /NAME=MIN:MAX/],
  ])("are refused with what to write, %#", (parse, sentence) => {
    expect(parse).toThrow(sentence);
    try {
      parse();
    } catch (error) {
      expect(error).toMatchObject({ exitCode: 3 });
    }
  });

  it("are at least one; without, the command ends as when the coordinator refuses it", () => {
    expect(() => parseLists({})).toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringContaining("at least one parameter") }),
    );
  });
});
