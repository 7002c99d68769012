import { describe, expect, it } from "vitest";
import { decide } from "./change-run.ts";
import { CREATED_AT_MS, heldRun, runRecord, runningRun } from "./test-support/records.ts";

const AT_MS = CREATED_AT_MS + 8_870;

describe("decide", () => {
  it("an assignment changes the status and nothing else", () => {
    expect(decide(runRecord(), { type: "assigned" }, AT_MS)).toEqual({
      kind: "change",
      change: { status: "building" },
      effects: ["begin-attempt"],
    });
  });

  it("the start of the command is timed", () => {
    expect(decide(heldRun(), { type: "phase", phase: "running" }, AT_MS)).toEqual({
      kind: "change",
      change: { status: "running", startedAtMs: AT_MS },
      effects: ["time-start"],
    });
  });

  it("the end has its reason, its time, the end of the attempt and the last lines of the log", () => {
    expect(decide(runningRun(), { type: "ended", cause: "exit", exitCode: 0 }, AT_MS)).toEqual({
      kind: "change",
      change: {
        status: "complete",
        reasonCode: "exit-code",
        reason: "The command exited with code 0.",
        endedAtMs: AT_MS,
        attemptEnd: {
          ...{ atMs: AT_MS, status: "complete", reasonCode: "exit-code", exitCode: 0 },
          reason: "The command exited with code 0.",
        },
        notices: [
          expect.objectContaining({
            text: "Total run time: 6.87s",
            status: "complete",
            statusEvent: true,
            atMs: AT_MS,
          }),
          expect.objectContaining({ text: "Run 7 complete", status: "complete", statusEvent: true, level: "info" }),
        ],
      },
      effects: ["end-attempt", "release-slot", "notice", "publish-outputs"],
    });
  });

  it("a run that never started has no run time, one that never had a machine no attempt to end", () => {
    const failed = decide(heldRun(), { type: "ended", cause: "build", reason: "No code." }, AT_MS);
    expect(failed).toMatchObject({ change: { status: "build_failed", attemptEnd: { atMs: AT_MS } } });
    expect(failed.kind === "change" && failed.change.notices?.map((entry) => entry.text)).toEqual([
      "Run 7 build_failed: No code.",
    ]);
    const cancelled = decide(runRecord(), { type: "kill-requested", by: "ann" }, AT_MS);
    expect(cancelled).toMatchObject({ change: { status: "killed", requested: "kill", requestedBy: "ann" } });
    expect(cancelled.kind === "change" && "attemptEnd" in cancelled.change).toBe(false);
  });

  it("remembers who asked to stop until the end", () => {
    const asked = decide(runningRun(), { type: "stop-requested", by: "ann" }, AT_MS);
    expect(asked).toEqual({
      kind: "change",
      change: { status: "stopping", requested: "stop", requestedBy: "ann" },
      effects: ["signal-stop"],
    });
    const stopping = runningRun({ status: "stopping", requested: "stop", requestedBy: "ann" });
    expect(decide(stopping, { type: "ended", cause: "stop" }, AT_MS)).toMatchObject({
      change: { status: "stopped", requested: "stop", requestedBy: "ann", reason: "Stopped by ann." },
    });
  });

  it("a clock that went back gives no negative run time", () => {
    const decision = decide(runningRun(), { type: "ended", cause: "exit", exitCode: 0 }, CREATED_AT_MS);
    expect(decision.kind === "change" && decision.change.notices?.[0]?.text).toBe("Total run time: 0s");
  });

  it("passes on what changes nothing and what is refused", () => {
    expect(decide(runningRun(), { type: "phase", phase: "mounting" }, AT_MS)).toEqual({ kind: "unchanged" });
    const ended = runningRun({ status: "complete", endedAtMs: AT_MS });
    expect(decide(ended, { type: "ended", cause: "exit", exitCode: 1 }, AT_MS)).toEqual({ kind: "unchanged" });
    expect(decide(ended, { type: "kill-requested", by: "ann" }, AT_MS)).toEqual({
      kind: "rejected",
      message: "the run has already ended (complete)",
    });
  });
});
