import { describe, expect, it } from "vitest";
import { AttemptReport, AttemptResult } from "@spell/rpc";
import { toMachineTypes, toReports, toSlots } from "./agent-report.ts";

const LEASE = { runId: 7, attempt: 1, token: "t" };
const DIGEST = "ab".repeat(32);

function reportsOf(message: Partial<Omit<AttemptReport, "result">> & { result?: Partial<AttemptResult> }) {
  const result = message.result && AttemptResult.fromPartial(message.result);
  return toReports([AttemptReport.fromPartial({ ...message, result })]);
}

describe("machine types", () => {
  it("are taken as offered", () => {
    const offered = [
      { name: "CPU", slots: 4 },
      { name: "RTX-4090", slots: 0 },
    ];
    expect(toMachineTypes(offered)).toEqual(offered);
  });

  it.each(["", " ", "a b", "a\nb", "CPU=4", "x;y", "\u001b[31m", "-x", "n".repeat(64)])(
    "called %j are left out",
    (name) => {
      expect(toMachineTypes([{ name, slots: 1 }])).toEqual([]);
    },
  );

  it("offered twice count once, the last word holding", () => {
    const twice = [
      { name: "CPU", slots: 4 },
      { name: "cpu", slots: 2 },
    ];
    expect(toMachineTypes(twice)).toEqual([{ name: "cpu", slots: 2 }]);
  });

  it.each([
    [-1, 0],
    [-(2 ** 31), 0],
    [3, 3],
    [2 ** 31 - 1, 10_000],
  ])("with %d slots have %d", (claimed, slots) => {
    expect(toSlots(claimed)).toBe(slots);
    expect(toMachineTypes([{ name: "CPU", slots: claimed }])).toEqual([{ name: "CPU", slots }]);
  });
});

describe("reports", () => {
  it("are taken as they come", () => {
    const result = { exitCode: 3, cause: "exit", reasonCode: "r", reason: "Why.", outputTree: DIGEST, logEntries: 9 };
    const history = [{ phase: "building", atMs: 1 }];
    expect(reportsOf({ lease: LEASE, phase: "ended", history, result })).toEqual([
      { runId: 7, attempt: 1, leaseToken: "t", history, result },
    ]);
  });

  it("without a lease are left out", () => {
    expect(reportsOf({ history: [{ phase: "running", atMs: 1 }] })).toEqual([]);
  });

  it("lose the phases and results that do not exist", () => {
    const history = ["", "RUNNING", "complete", "__proto__", "saving"].map((phase) => ({ phase, atMs: 1 }));
    for (const cause of ["", "EXIT", "nonsense", "constructor"]) {
      expect(reportsOf({ lease: LEASE, history, result: { cause } })).toEqual([
        { runId: 7, attempt: 1, leaseToken: "t", history: [{ phase: "saving", atMs: 1 }], result: undefined },
      ]);
    }
  });

  it("of an end may leave out all but the cause, and cannot name what is no tree or fewer entries than none", () => {
    const bare = {
      exitCode: undefined,
      cause: "exit",
      reasonCode: undefined,
      reason: undefined,
      outputTree: undefined,
    };
    for (const outputTree of ["", "../x", DIGEST.toUpperCase(), `${DIGEST}0`]) {
      const [report] = reportsOf({ lease: LEASE, result: { cause: "exit", outputTree, logEntries: -5 } });
      expect(report?.result).toEqual({ ...bare, logEntries: 0 });
    }
  });
});
