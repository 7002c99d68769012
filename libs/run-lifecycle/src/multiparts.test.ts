import { describe, expect, it } from "vitest";
import { holderOf, partBytesOf } from "./multiparts.ts";

const MIB = 1024 ** 2;

describe("the size of parts", () => {
  it.each([
    [1, 16 * MIB],
    [64 * MIB, 16 * MIB],
    [160_000 * MIB, 16 * MIB],
    [160_000 * MIB + 1, 17 * MIB],
    [200_000_000_000, 20 * MIB],
    [640_000 * MIB, 64 * MIB],
  ])("of %d bytes is %d, and 10,000 of them suffice", (sizeBytes, partBytes) => {
    expect(partBytesOf(sizeBytes)).toBe(partBytes);
    expect(Math.ceil(sizeBytes / partBytes)).toBeLessThanOrEqual(10_000);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])("of %d bytes is refused", (sizeBytes) => {
    expect(() => partBytesOf(sizeBytes)).toThrow(
      expect.objectContaining({ code: "invalid-input", reason: "bad-parts" }),
    );
  });

  it("of more than 10,000 parts of 64 MiB is refused with what to do", () => {
    expect(() => partBytesOf(640_000 * MIB + 1)).toThrow(/at most 671088640000 bytes.*split it\./);
  });
});

it("an object in the making belongs to its user, run, or attempt", () => {
  const agent = { kind: "agent", agentId: "a" } as const;
  const holders = [
    holderOf({ kind: "user", userName: "1" }, undefined),
    holderOf({ kind: "run", userName: "1", runId: 1 }, undefined),
    holderOf(agent, undefined),
    holderOf(agent, { runId: 1, attempt: 1 }),
    holderOf(agent, { runId: 1, attempt: 2 }),
  ];
  expect(new Set(holders).size).toBe(holders.length);
});
