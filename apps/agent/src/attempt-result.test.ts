import { REASONS, SpellError, invalidInput, notFound } from "@spell/domain";
import { describe, expect, it } from "vitest";
import { failedResult, failureOf } from "./attempt-result.ts";

const enospc = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

describe("failureOf", () => {
  it.each<[string, unknown, string]>([
    ["the system's word for a full disk", enospc, "disk-full"],
    ["a quota of the machine's", Object.assign(new Error("EDQUOT"), { code: "EDQUOT" }), "disk-full"],
    ["the cache's", new SpellError("exhausted", "No space left.", { reason: "disk-full" }), "disk-full"],
    ["wrong bytes", new SpellError("data-loss", "Other bytes.", { reason: "wrong-bytes" }), "bytes-corrupt"],
    ["a tree that nobody knows", notFound("There is no tree 12.", "no-such-tree"), "no-such-resource"],
    ["a blob without a place", new SpellError("data-loss", "Nobody knows where it lies."), "no-such-resource"],
    ["a store that is away", new SpellError("unavailable", "Away."), "store-unavailable"],
    ["anything else", invalidInput("Too much for one commit.", "too-large"), ""],
    ["a bug", new TypeError("x is undefined"), ""],
    ["no error at all", "boom", ""],
  ])("%s", (_name, error, code) => {
    const { reasonCode, reason } = failureOf("The outputs could not be stored", error);
    expect(reasonCode).toBe(code);
    expect(reason).toMatch(/^The outputs could not be stored: .*\.$/);
    expect(reason).not.toContain("..");
  });

  it("says what helps, once", () => {
    expect(failureOf("X", enospc).reason).toMatch(/Free some room on the machine/);
    const known = new SpellError("exhausted", "No space left. Free some there.", { reason: "disk-full" });
    expect(failureOf("X", known).reason).toBe("X: No space left. Free some there.");
    expect(failureOf("X", notFound("There is no tree 12.")).reason).toMatch(/`spell fsck`/);
  });

  it("names codes of the table only", () => {
    const { reasonCode } = failedResult("mount", "X", notFound("There is no tree 12."));
    expect(Object.keys(REASONS)).toContain(reasonCode);
  });
});
