import { describe, expect, it } from "vitest";
import { SpellError, assertNever, conflict, hasCode, invalidInput, messageOf, notFound } from "./errors.ts";

describe("SpellError", () => {
  it("carries code, reason, message and cause", () => {
    const cause = new Error("root");
    const error = new SpellError("exhausted", "The disk is full: free some space.", { reason: "disk-full", cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "SpellError", code: "exhausted", reason: "disk-full", cause });
    expect(String(error)).toBe("SpellError: The disk is full: free some space.");
  });

  it("takes the code for the reason when there is none, and has no empty cause", () => {
    const error = new SpellError("conflict", "Not now.");
    expect(error.reason).toBe("conflict");
    expect("cause" in error).toBe(false);
    expect(new SpellError("conflict", "Not now.", { reason: undefined }).reason).toBe("conflict");
  });

  it.each([
    ["invalid-input", invalidInput],
    ["not-found", notFound],
    ["conflict", conflict],
  ] as const)("has a short form for %s", (code, make) => {
    expect(make("No.", "why")).toMatchObject({ code, reason: "why", message: "No." });
    expect(make("No.")).toMatchObject({ code, reason: code });
  });
});

describe("hasCode", () => {
  it("knows a SpellError, also from another copy of the package", () => {
    const foreign = Object.assign(new Error("away"), { name: "SpellError", code: "unavailable" });
    expect(hasCode(new SpellError("unavailable", "away"), "unavailable")).toBe(true);
    expect(hasCode(foreign, "unavailable")).toBe(true);
  });

  it("takes nothing else for one", () => {
    expect(hasCode(new SpellError("unavailable", "away"), "conflict")).toBe(false);
    expect(hasCode(Object.assign(new Error("x"), { code: "unavailable" }), "unavailable")).toBe(false);
    for (const thing of [undefined, null, "unavailable", { name: "SpellError", code: "unavailable" }]) {
      expect(hasCode(thing, "unavailable")).toBe(false);
    }
  });
});

describe("messageOf", () => {
  it.each([
    [new Error("boom"), "boom"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [42, "42"],
  ])("%s", (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });
});

describe("assertNever", () => {
  it("names the value that should not be", () => {
    expect(() => assertNever("odd" as never)).toThrow('unexpected value "odd"');
  });
});
