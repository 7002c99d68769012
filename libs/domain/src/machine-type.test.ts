import { describe, expect, it } from "vitest";
import { SpellError } from "./errors.ts";
import { machineTypeKey, parseMachineType } from "./machine-type.ts";

describe("parseMachineType", () => {
  it.each([
    ["V100", "V100", 1],
    ["V100=4", "V100", 4],
    ["v100=004", "v100", 4],
    ["H100-80GB_pcie.2=9999", "H100-80GB_pcie.2", 9999],
    ["8xA100", "8xA100", 1],
    [`a${"b".repeat(62)}`, `a${"b".repeat(62)}`, 1],
  ])("%s", (text, name, slots) => {
    expect(parseMachineType(text)).toEqual({ name, slots });
  });

  it.each([
    "",
    " V100",
    "V100 ",
    "V100=",
    "V100=0",
    "V100=0000",
    "V100=-1",
    "V100=1.5",
    "V100=10000",
    "V100=4=4",
    "=4",
    "-V100",
    ".V100",
    "V 100",
    "V100\n",
    "V100\0",
    "V/100",
    "Ü100",
    `a${"b".repeat(63)}`,
  ])("refuses %j", (text) => {
    expect(() => parseMachineType(text)).toThrow(
      expect.objectContaining({ name: "SpellError", code: "invalid-input", reason: "bad-machine-type" }),
    );
  });

  it("says how to write one", () => {
    expect(() => parseMachineType("V 100")).toThrow(SpellError);
    expect(() => parseMachineType("V 100")).toThrow(/"V 100" is not a machine type: .*V100=4/);
  });
});

describe("machineTypeKey", () => {
  it("ignores case and the blanks around", () => {
    expect(machineTypeKey(" v100X4 ")).toBe(machineTypeKey("V100x4"));
    expect(machineTypeKey("V100")).not.toBe(machineTypeKey("V 100"));
  });
});
