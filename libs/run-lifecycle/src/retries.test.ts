import { toRetryPolicy } from "@spell/domain";
import type { RunEvent } from "@spell/domain";
import type { AttemptRecord, RunChange, RunRecord } from "@spell/run-store";
import { describe, expect, it } from "vitest";
import { decideReport } from "./apply-report.ts";
import type { AttemptResult } from "./apply-report.ts";
import { decide } from "./change-run.ts";
import { avoidedAgents, waitingReason } from "./retries.ts";
import { CREATED_AT_MS, bareSpec, heldRun, runRecord, runningRun } from "./test-support/records.ts";

const AT_MS = CREATED_AT_MS + 8_870;
const SPEC = { ...bareSpec(), retry: toRetryPolicy({ limit: 2, exitCodes: [3], firstPauseMs: 20_000 }) };
const LOST: RunEvent = { type: "lost", reasonCode: "agent-lost", reason: "Its agent was not heard for 60 s." };

function changeOf(run: RunRecord, event: RunEvent): RunChange {
  const decision = decide(run, event, AT_MS);
  if (decision.kind !== "change") throw new Error(`the decision was ${decision.kind}`);
  return decision.change;
}

describe("the end of an attempt whose run is tried again", () => {
  it("is that of the attempt alone: its reason is kept, the run waits, the log says so", () => {
    expect(decide(runningRun({ spec: SPEC }), LOST, AT_MS)).toEqual({
      kind: "change",
      effects: ["end-attempt", "release-slot", "notice", "requeue"],
      change: {
        ...{ status: "machine_requested", reasonCode: "", reason: "Attempt 1 ended: Its agent was not heard for 60 s" },
        attemptEnd: {
          ...{ status: "interrupted", reasonCode: "agent-lost", reason: "Its agent was not heard for 60 s." },
          ...{ atMs: AT_MS, exitCode: undefined },
        },
        requeue: { atMs: AT_MS, notBeforeMs: AT_MS + 20_000 },
        notices: [
          expect.objectContaining({
            ...{ status: "machine_requested", level: "warning", statusEvent: true, atMs: AT_MS },
            text: "Attempt 1 ended: Its agent was not heard for 60 s; attempt 2 starts in 20 s.",
          }),
        ],
      },
    });
  });

  it("follows an exit code that is listed, and no other", () => {
    const exit = (exitCode: number): RunEvent => ({ type: "ended", cause: "exit", exitCode });
    const run = runningRun({ spec: SPEC });
    expect(changeOf(run, exit(3))).toMatchObject({
      status: "machine_requested",
      attemptEnd: { status: "failed", reasonCode: "exit-code", exitCode: 3 },
    });
    expect(changeOf(run, exit(4))).toMatchObject({ status: "failed", attemptEnd: { exitCode: 4 } });
    expect(changeOf(run, exit(0))).toMatchObject({ status: "complete" });
    expect(changeOf(runningRun(), exit(3)).requeue).toBeUndefined();
  });

  it("is the end of the run after the last retry", () => {
    const change = changeOf(runningRun({ spec: SPEC, attempt: 3 }), LOST);
    expect(change).toMatchObject({ status: "interrupted", reasonCode: "agent-lost", endedAtMs: AT_MS });
    expect(change.requeue).toBeUndefined();
  });

  it.each(["stop", "kill"] as const)("is the end of the run once somebody asked to %s it", (requested) => {
    const status = requested === "stop" ? "stopping" : "killing";
    const run = runningRun({ spec: SPEC, status, requested, requestedBy: "ann" });
    const ends: RunEvent[] = [
      LOST,
      { type: "ended", cause: requested, exitCode: 3 },
      { type: "ended", cause: "build" },
    ];
    for (const event of ends) expect(changeOf(run, event).requeue).toBeUndefined();
  });

  it("has no outputs and no exit code for its run, whatever the agent says", () => {
    const history = (["building", "running", "saving"] as const).map((phase) => ({ phase, atMs: AT_MS - 1_000 }));
    const outputTree = "a".repeat(64) as NonNullable<AttemptResult["outputTree"]>;
    const result: AttemptResult = { cause: "exit", exitCode: 3, logEntries: 5, outputTree };
    const report = { runId: 7, attempt: 1, leaseToken: "lease", history, result };
    const decision = decideReport(heldRun({ spec: SPEC }), report, { nowMs: AT_MS, nonZeroExit: "failed" });
    expect(decision).toMatchObject({
      change: { status: "machine_requested", startedAtMs: AT_MS - 1_000, attemptEnd: { logEntries: 5, exitCode: 3 } },
    });
    const change = decision.kind === "change" ? decision.change : {};
    expect(Object.keys(change)).not.toEqual(expect.arrayContaining(["outputTree"]));
    expect(change.userExitCode).toBeUndefined();
    expect(change.endedAtMs).toBeUndefined();
  });
});

describe("a run that waits to be tried again", () => {
  const waiting = runRecord({ attempt: 1, spec: SPEC, reason: "Attempt 1 ended: So it was", notBeforeMs: AT_MS });

  it("says what it waits for, and since when it need not", () => {
    expect(waitingReason(waiting, AT_MS - 20_000)).toBe("Attempt 1 ended: So it was; attempt 2 starts in 20 s.");
    expect(waitingReason(waiting, AT_MS - 1)).toBe("Attempt 1 ended: So it was; attempt 2 starts in 1 s.");
    expect(waitingReason(waiting, AT_MS - 3_600_000)).toBe("Attempt 1 ended: So it was; attempt 2 starts in 60 min.");
    expect(waitingReason(waiting, AT_MS - 86_400_000)).toBe("Attempt 1 ended: So it was; attempt 2 starts in 24 h.");
    expect(waitingReason(waiting, AT_MS)).toBe("Attempt 1 ended: So it was; attempt 2 is next.");
    expect(waitingReason(runRecord(), AT_MS)).toBe("");
    expect(waitingReason(runningRun({ reason: "x" }), AT_MS)).toBe("");
  });

  it("forgets why it waited when it waits no more", () => {
    expect(changeOf(waiting, { type: "assigned" })).toMatchObject({ status: "building", reason: "" });
  });

  it.each(["stop-requested", "kill-requested"] as const)(
    "is killed by its user at once when %s, and was no news before",
    (type) => {
      const change = changeOf(waiting, { type, by: "ann" });
      expect(change).toMatchObject({
        status: "killed",
        reasonCode: "killed-by",
        reason: "Killed by ann.",
        endedAtMs: AT_MS,
      });
      expect(change.attemptEnd).toBeUndefined();
      expect(changeOf(runRecord(), { type, by: "ann" })).toMatchObject({ reasonCode: "cancelled-before-start" });
    },
  );
});

describe("agents that a run had better not meet again", () => {
  const ended = (agentId: string, reasonCode?: string): AttemptRecord => {
    return { number: 1, agentId, assignedAtMs: 0, end: { atMs: 1, reasonCode } };
  };

  it("are those where something else than its command ended an attempt", () => {
    const attempts = [
      ended("a1", "agent-lost"),
      ended("a2", "exit-code"),
      ended("a3", "machine-rebooted"),
      ended("a1", "disk-full"),
      ended("a4", "a code of tomorrow"),
      ended("a5"),
      { number: 6, agentId: "a6", assignedAtMs: 0 },
    ];
    expect(avoidedAgents(attempts)).toEqual(["a1", "a3"]);
  });
});
