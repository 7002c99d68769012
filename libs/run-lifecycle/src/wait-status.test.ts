import type { RunStatus } from "@spell/domain";
import { RUN_STATUSES } from "@spell/domain";
import { describe, expect, it } from "vitest";
import { runRecord } from "./test-support/records.ts";
import { waitVerdict } from "./wait-status.ts";

/** A run that passed these statuses, the last of which it is in. */
function passed(...statuses: RunStatus[]) {
  const status = statuses.at(-1) ?? "machine_requested";
  return runRecord({ status, passed: ["machine_requested", ...statuses], reason: "Because." });
}

describe("waitVerdict", () => {
  it.each<[string, RunStatus[], RunStatus[], string]>([
    ["where it is", ["building"], ["building"], "reached"],
    ["where it was", ["building", "running"], ["building"], "reached"],
    ["what it skipped on its way", ["building", "running"], ["mounting"], "reached"],
    ["what lies before, after a stop", ["building", "running", "stopping"], ["mounting"], "reached"],
    ["what lies ahead", ["building"], ["running"], "wait"],
    ["an end that lies ahead", ["building", "running"], ["complete"], "wait"],
    ["a stop that may come", ["building", "running"], ["stopping"], "wait"],
    ["one of several", ["building"], ["complete", "building"], "reached"],
    ["all of the way, once complete", ["complete"], ["mounting"], "reached"],
    ["pushing, once complete", ["building", "running", "complete"], ["pushing"], "reached"],
    ["its own end", ["building", "running", "failed"], ["failed"], "reached"],
    ["another end", ["building", "running", "failed"], ["complete"], "impossible"],
    ["running, never started", ["building", "build_failed"], ["running"], "impossible"],
    ["running, cancelled before", ["killed"], ["running"], "impossible"],
    ["saving, interrupted before", ["building", "running", "interrupted"], ["saving"], "impossible"],
    ["running, failed after", ["building", "running", "failed"], ["running"], "reached"],
    ["a stop that never was", ["building", "running", "complete"], ["stopping"], "impossible"],
  ])("%s", (_name, statuses, wanted, kind) => {
    expect(waitVerdict(passed(...statuses), wanted).kind).toBe(kind);
  });

  it("says what happened instead", () => {
    expect(waitVerdict(passed("building", "running", "failed"), ["stopped", "complete"])).toEqual({
      kind: "impossible",
      message: "Run 7 has ended as failed and is not complete, stopped. Because.",
    });
    expect(waitVerdict(passed("killed"), ["running", "complete"])).toEqual({
      kind: "impossible",
      message: "Run 7 has ended as killed and never reached complete, running. Because.",
    });
  });

  it("never lets anybody wait for a run that has ended", () => {
    for (const status of RUN_STATUSES) {
      expect(waitVerdict(passed("building", "interrupted"), [status]).kind).not.toBe("wait");
    }
  });
});
