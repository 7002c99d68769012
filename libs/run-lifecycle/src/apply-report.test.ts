import fc from "fast-check";
import { ATTEMPT_CAUSES, PHASES, isDigest, isFinal } from "@spell/domain";
import type { Digest, Phase } from "@spell/domain";
import { describe, expect, it } from "vitest";
import type { AttemptReport, AttemptResult } from "./apply-report.ts";
import { decideReport as decide, holdsLease } from "./apply-report.ts";
import { CREATED_AT_MS, heldRun, runRecord, runningRun } from "./test-support/records.ts";

const NOW_MS = CREATED_AT_MS + 60_000;
const RULES = { nowMs: NOW_MS, nonZeroExit: "failed" } as const;

/** The change that a report leads to. */
function decideReport(...args: Parameters<typeof decide>) {
  const decision = decide(...args);
  return decision.kind === "change" ? decision.change : undefined;
}

function tree(): Digest {
  const text = "ab".repeat(32);
  return isDigest(text) ? text : expect.fail("not a digest");
}

function report(phases: readonly Phase[], result?: AttemptResult): AttemptReport {
  const history = phases.map((phase, index) => ({ phase, atMs: CREATED_AT_MS + (index + 1) * 1_000 }));
  return { runId: 7, attempt: 1, leaseToken: "lease", history, result };
}

function exited(exitCode: number, over: Partial<AttemptResult> = {}): AttemptResult {
  return { cause: "exit", exitCode, outputTree: tree(), logEntries: 3, ...over };
}

describe("decideReport", () => {
  it("takes all that is new as one change, with each phase passed and the start timed by the agent", () => {
    expect(decideReport(heldRun(), report(["building", "mounting", "running"]), RULES)).toEqual({
      status: "running",
      startedAtMs: CREATED_AT_MS + 3_000,
      passed: ["mounting", "running"],
    });
  });

  it("takes a whole life at once", () => {
    const change = decideReport(heldRun(), report(["building", "running", "saving", "pushing"], exited(0)), RULES);
    expect(change).toMatchObject({
      status: "complete",
      passed: ["running", "saving", "pushing", "complete"],
      startedAtMs: CREATED_AT_MS + 2_000,
      endedAtMs: NOW_MS,
      userExitCode: 0,
      outputTree: tree(),
      reasonCode: "exit-code",
      attemptEnd: { atMs: NOW_MS, logEntries: 3 },
    });
    expect(change?.notices?.map((entry) => entry.text)).toEqual(["Total run time: 58s", "Run 7 complete"]);
  });

  it("a repeated report changes nothing", () => {
    const run = runningRun();
    expect(decideReport(run, report(["building", "mounting", "running"]), RULES)).toBeUndefined();
    expect(decideReport(run, report([]), RULES)).toBeUndefined();
    const ended = runningRun({ status: "complete", endedAtMs: NOW_MS - 1, passed: [...run.passed, "complete"] });
    expect(decideReport(ended, report(["running"], exited(0)), RULES)).toBeUndefined();
  });

  it("a late report takes nothing back", () => {
    const saving = runningRun({ status: "saving", passed: [...runningRun().passed, "saving"] });
    expect(decideReport(saving, report(["building", "mounting"]), RULES)).toBeUndefined();
    expect(decideReport(saving, report(["pushing"]), RULES)).toEqual({ status: "pushing", passed: ["pushing"] });
  });

  it("phases out of order do not go back", () => {
    expect(decideReport(heldRun(), report(["running", "mounting", "building", "running"]), RULES)).toEqual({
      status: "running",
      startedAtMs: CREATED_AT_MS + 1_000,
      passed: ["running"],
    });
  });

  it("a failed command keeps its outputs and its exit code", () => {
    expect(decideReport(runningRun(), report([], exited(3)), RULES)).toMatchObject({
      status: "failed",
      userExitCode: 3,
      outputTree: tree(),
    });
  });

  it("without an exit code there is none, and no success", () => {
    const change = decideReport(runningRun(), report([], { cause: "exit", logEntries: 0 }), RULES);
    expect(change?.status).toBe("interrupted");
    expect(change).not.toHaveProperty("userExitCode");
    expect(change).not.toHaveProperty("outputTree");
  });

  describe("against the user's will", () => {
    const stopping = runningRun({ status: "stopping", requested: "stop", requestedBy: "ann" });
    const killing = runningRun({ status: "killing", requested: "kill", requestedBy: "ann" });

    it("an exit that was faster than the stop stays what it was", () => {
      expect(decideReport(stopping, report(["saving", "pushing"], exited(0)), RULES)).toMatchObject({
        status: "complete",
        requested: "stop",
        outputTree: tree(),
        passed: ["saving", "pushing", "complete"],
      });
    });

    it("a stop keeps the outputs", () => {
      expect(decideReport(stopping, report(["saving"], exited(143, { cause: "stop" })), RULES)).toMatchObject({
        status: "stopped",
        reason: "Stopped by ann.",
        userExitCode: 143,
        outputTree: tree(),
      });
    });

    it("a kill drops the outputs, also when the command had ended and all was stored", () => {
      const change = decideReport(killing, report(["running", "saving", "pushing"], exited(0)), RULES);
      expect(change).toMatchObject({ status: "killed", reasonCode: "killed-by", passed: ["killed"] });
      expect(change).not.toHaveProperty("outputTree");
    });

    it("a phase during a kill changes nothing", () => {
      expect(decideReport(killing, report([...PHASES]), RULES)).toBeUndefined();
    });
  });

  describe("a wrong clock", () => {
    const startedBy = (atMs: number): number | undefined =>
      decideReport(heldRun(), { ...report([]), history: [{ phase: "running", atMs }] }, RULES)?.startedAtMs;

    it.each([
      ["before the run was made", 0, CREATED_AT_MS],
      ["far before", -1e15, CREATED_AT_MS],
      ["in the future", NOW_MS + 86_400_000, NOW_MS],
      ["in the far future", Number.MAX_SAFE_INTEGER, NOW_MS],
      ["plausible", NOW_MS - 10, NOW_MS - 10],
    ])("%s", (_name, atMs, expected) => {
      expect(startedBy(atMs)).toBe(expected);
    });

    it.each([
      ["is not asked when the agent says how long ago it was", 5_000, NOW_MS - 5_000],
      ["that long ago there was no run", 1e12, CREATED_AT_MS],
      ["an age below 0 is none", -5_000, NOW_MS],
    ])("%s", (_name, ageMs, expected) => {
      const history = [{ phase: "running", atMs: NOW_MS - 3_600_000, ageMs } as const];
      expect(decideReport(heldRun(), { ...report([]), history }, RULES)?.startedAtMs).toBe(expected);
    });
  });

  it("any report leads to a consistent change: at most one end, with all that belongs to it", () => {
    const result: fc.Arbitrary<AttemptResult> = fc.record(
      {
        cause: fc.constantFrom(...ATTEMPT_CAUSES),
        exitCode: fc.integer({ min: 0, max: 255 }),
        outputTree: fc.constant(tree()),
        logEntries: fc.nat(),
      },
      { requiredKeys: ["cause", "logEntries"] },
    );
    const runs = fc.constantFrom(
      heldRun(),
      runningRun(),
      runningRun({ status: "stopping", requested: "stop" }),
      runningRun({ status: "killing", requested: "kill" }),
    );
    const phases = fc.array(fc.constantFrom(...PHASES), { maxLength: 8 });
    fc.assert(
      fc.property(runs, phases, fc.option(result, { nil: undefined }), (run, history, ended) => {
        const change = decideReport(run, report(history, ended), RULES);
        const final = change?.status !== undefined && isFinal(change.status);
        expect(final).toBe(ended !== undefined);
        expect(change?.endedAtMs !== undefined).toBe(final);
        expect(change?.attemptEnd !== undefined).toBe(final);
        expect(change?.notices !== undefined).toBe(final);
        expect(new Set(change?.passed).size).toBe(change?.passed?.length ?? 0);
        if (change !== undefined) expect(change.passed?.at(-1)).toBe(change.status);
        if (run.requested === "kill") expect(change?.outputTree).toBeUndefined();
      }),
    );
  });
});

describe("holdsLease", () => {
  const lease = { attempt: 1, leaseToken: "lease", agentId: "a1" };
  it.each([
    ["the attempt in force", runningRun(), lease, true],
    ["another token", runningRun(), { ...lease, leaseToken: "other" }, false],
    ["no token", runningRun(), { ...lease, leaseToken: "" }, false],
    ["another agent", runningRun(), { ...lease, agentId: "a2" }, false],
    ["an earlier attempt", runningRun({ attempt: 2 }), lease, false],
    ["a later attempt", runningRun(), { ...lease, attempt: 2 }, false],
    ["a run that has ended", runningRun({ status: "killed", endedAtMs: 5 }), lease, false],
    ["a run that waits", runRecord(), { attempt: 0, leaseToken: "", agentId: "" }, false],
  ])("%s", (_name, run, claimed, expected) => {
    expect(holdsLease(run, claimed)).toBe(expected);
  });
});
