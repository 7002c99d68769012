import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReasonCode } from "./reason-table.ts";
import { REASONS, REASON_CODES } from "./reason-table.ts";
import { isNotItsDoing, retryPause, toRetryPolicy } from "./retry.ts";

const POLICY = toRetryPolicy({ limit: 3, exitCodes: [3, 137] });

describe("a retry policy", () => {
  it("waits ten seconds, then twice as long, up to ten minutes, unless it says otherwise", () => {
    const expected = { limit: 3, exitCodes: [3, 137], firstPauseMs: 10_000, factor: 2, maxPauseMs: 600_000 };
    expect(toRetryPolicy({ limit: 3, exitCodes: [137, 3, 137] })).toEqual(expected);
    expect(toRetryPolicy({ limit: 1, firstPauseMs: 3_600_000 })).toMatchObject({ maxPauseMs: 3_600_000 });
  });

  it.each([
    [{ limit: 0 }, /from 1 to 100 times, not 0/],
    [{ limit: 101 }, /not 101/],
    [{ limit: 1.5 }, /not 1.5/],
    [{ limit: Number.NaN }, /not NaN/],
    [{ limit: 1, exitCodes: [0] }, /0 is no exit code to retry on/],
    [{ limit: 1, exitCodes: [256] }, /from 1 to 255/],
    [{ limit: 1, exitCodes: Array.from({ length: 51 }, (_, index) => index + 1) }, /At most 50/],
    [{ limit: 1, firstPauseMs: -1 }, /from 0 seconds to 24 hours/],
    [{ limit: 1, firstPauseMs: 86_400_001 }, /from 0 seconds to 24 hours/],
    [{ limit: 1, maxPauseMs: Number.POSITIVE_INFINITY }, /from 0 seconds to 24 hours/],
    [{ limit: 1, firstPauseMs: 2_000, maxPauseMs: 1_000 }, /shorter than the first/],
    [{ limit: 1, factor: 0.5 }, /1 to 10 times/],
    [{ limit: 1, factor: Number.NaN }, /not NaN times/],
  ])("%j is refused with a sentence", (request, sentence) => {
    expect(() => toRetryPolicy(request)).toThrow(sentence);
  });
});

describe("trying again", () => {
  it("follows what was not the command's doing, whatever it was, and nothing else", () => {
    const followed = REASON_CODES.filter((code) => retryPause(POLICY, { number: 1, end: { code } }) !== undefined);
    expect(followed).toEqual(REASON_CODES.filter((code) => ["ours", "operator"].includes(REASONS[code].doing)));
    expect(followed).toContain("agent-lost");
    expect(followed).toContain("machine-reclaimed");
    expect(REASON_CODES.filter((code) => isNotItsDoing({ code }))).toEqual(followed);
  });

  it.each([
    ["exit-code", 3, true],
    ["signal", 137, true],
    ["out-of-memory", 137, true],
    ["exit-code", 1, false],
    ["exit-code", 0, false],
    ["exit-code", undefined, false],
    ["stopped-by", 137, false],
    ["timed-out", 137, false],
    ["killed-by", 137, false],
  ] as const)("%s with exit code %s: %s", (code, exitCode, isRetried) => {
    expect(retryPause(POLICY, { number: 1, end: { code }, exitCode }) !== undefined).toBe(isRetried);
  });

  it("comes to an end: the policy's limit, each pause longer up to the longest", () => {
    const policy = toRetryPolicy({ limit: 4, firstPauseMs: 1_000, factor: 3, maxPauseMs: 10_000 });
    const pauses = [1, 2, 3, 4, 5].map((number) => retryPause(policy, { number, end: { code: "agent-lost" } }));
    expect(pauses).toEqual([1_000, 3_000, 9_000, 10_000, undefined]);
  });

  it("does not happen without a policy, nor once the owner wanted it stopped or killed", () => {
    expect(retryPause(undefined, { number: 1, end: { code: "agent-lost" } })).toBeUndefined();
    for (const requested of ["stop", "kill"] as const) {
      for (const code of REASON_CODES) {
        expect(retryPause(POLICY, { number: 1, end: { code }, exitCode: 3, requested })).toBeUndefined();
      }
    }
  });

  it("never waits longer than the longest pause, and never follows exit code 0", () => {
    const request = fc.record({
      limit: fc.integer({ min: 1, max: 100 }),
      firstPauseMs: fc.integer({ min: 0, max: 86_400_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
    });
    const code = fc.constantFrom<ReasonCode>(...REASON_CODES);
    fc.assert(
      fc.property(request, code, fc.integer({ min: 1, max: 100 }), (asked, reason, number) => {
        const policy = toRetryPolicy(asked);
        const pause = retryPause(policy, { number, end: { code: reason } });
        if (pause !== undefined) expect(pause >= 0 && pause <= policy.maxPauseMs).toBe(true);
        expect(retryPause(policy, { number, end: { code: "exit-code" }, exitCode: 0 })).toBeUndefined();
      }),
    );
  });
});
