import { describe, expect, it } from "vitest";
import { substituteParameters } from "./parameters.ts";

describe("parameters of a command", () => {
  it.each([
    ["train --rate :rate:", { rate: 0.01 }, "train --rate 0.01"],
    ["train --rate :RATE: --again :rate:", { rate: "1e4" }, "train --rate 1e4 --again 1e4"],
    ["a :x::y: b", { x: 1, y: 2 }, "a 12 b"],
    ["PATH=/a:b:c run :x:", { x: "v" }, "PATH=/a:b:c run v"],
    ["PATH=/a:b:x:c", { x: "v" }, "PATH=/a:bvc"],
    ["echo :a:", { a: ":b:" }, "echo :b:"],
    ["echo : a : ::", {}, "echo : a : ::"],
    ["echo :Rate: :rate:", { rate: 1, Rate: 2 }, "echo 2 1"],
    ["echo :toString: :x:", { x: 1 }, "echo :toString: 1"],
    ["echo ':größe:'", { größe: "ü $(id)" }, "echo 'ü $(id)'"],
  ])("%s", (command, params, expected) => {
    expect(substituteParameters(command, params)).toBe(expected);
  });

  it("that has no place for one is refused by its name", () => {
    expect(() => substituteParameters("train :a:", { a: 1, b: 2 })).toThrow(
      /no place for the parameter "b": write :b:/,
    );
  });

  it("of a megabyte take no time", () => {
    expect(substituteParameters(`${":a".repeat(500_000)} :x:`, { x: 1 })).toMatch(/ 1$/);
  });
});
