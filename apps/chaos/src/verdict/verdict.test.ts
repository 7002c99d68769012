/** A verdict that cannot fail proves nothing: each column sees the lie that is planted for it. */
import { describe, expect, test } from "vitest";
import type { FaultHistory } from "../faults/fault.ts";
import type { Evidence, RunFacts, TaskFacts } from "./evidence.ts";
import { toVerdict, verdictLines } from "./table.ts";
import { COLUMNS } from "./verdict.ts";

const note = (what: "started" | "ended" | "unsaid", value?: number, execution = "1.1") =>
  ({ key: "t1", execution, from: "10.77.0.11", atMs: 0, what, value }) as const;

const run: RunFacts = {
  ...{ id: 7, status: "complete", reasonCode: "exit-code", reason: "", exitCode: 0 },
  ...{ agent: "agent1", log: ["t1:1", "t1:2"], digest: "d1" },
};
const task: TaskFacts = {
  ...{ key: "t1", lines: ["t1:1", "t1:2"], digest: "d1", exitCode: 0, wish: "none", wishTaken: false },
  ...{ createdId: 7, createdAtMs: 1_000, notes: [note("started"), note("ended", 0)], runs: [run] },
};
const away: FaultHistory = {
  ...{ number: 1, kind: "freeze-agent", target: { machine: "agent1" }, alone: true, afterMs: 0, lastsMs: 61_000 },
  ...{ beganAtMs: 2_000, endedAtMs: 63_000 },
};

function evidence(changes: Partial<TaskFacts>, more: Partial<Evidence> = {}): Evidence {
  return { leaseMs: 60_000, faults: [], leftovers: [], tasks: [{ ...task, ...changes }], ...more };
}

function ofRun(changes: Partial<RunFacts>, more: Partial<TaskFacts> = {}): Evidence {
  return evidence({ runs: [{ ...run, ...changes }], ...more });
}

/** The columns that are not zero. */
function found(given: Evidence): string[] {
  const { counts } = toVerdict(given);
  return COLUMNS.filter((column) => counts[column] !== 0);
}

const failed = { status: "failed", exitCode: 3 } as const;
const interrupted = { status: "interrupted", reasonCode: "agent-lost", digest: undefined, log: [] } as const;

const rebooted = { ...interrupted, reasonCode: "machine-rebooted" } as const;
const noDisk = { status: "failed", reasonCode: "disk-full", exitCode: undefined, digest: undefined } as const;
const fault = (kind: FaultHistory["kind"], machine: FaultHistory["target"]["machine"]): FaultHistory => ({
  ...away,
  ...{ kind, target: { machine }, endedAtMs: 5_000 },
});
const reboot = fault("reboot-agent", "agent1");
const fullDisk = fault("disk-full-agent", "agent1");
const unsaid = [note("started"), note("unsaid", 2), note("ended", 0)];

describe("nothing is wrong with", () => {
  test.each<[string, Evidence]>([
    ["a run that did what its command did", evidence({})],
    ["one that failed as its command", ofRun(failed, { notes: [note("started"), note("ended", 3)] })],
    [
      "one that was killed in the middle",
      ofRun({ status: "killed", log: ["t1:1"], digest: undefined }, { wish: "kill" }),
    ],
    ["a stop that came too late", evidence({ wish: "stop" })],
    [
      "one whose machine was away for longer than the lease",
      evidence({ runs: [{ ...run, ...interrupted }] }, { faults: [away] }),
    ],
    ["one whose machine was started again", evidence({ runs: [{ ...run, ...rebooted }] }, { faults: [reboot] })],
    ["one that found its disk full", evidence({ runs: [{ ...run, ...noDisk }] }, { faults: [fullDisk] })],
    ["a line that its command could not print", ofRun({ log: ["t1:1"] }, { notes: unsaid })],
    ["one that it could print in part", ofRun({ log: ["t1:1", "t1"] }, { notes: unsaid })],
    [
      "a file that its command could not write",
      ofRun({ ...failed, exitCode: 92, digest: "d2" }, { notes: [note("started"), note("ended", 92)] }),
    ],
  ])("%s", (_, given) => expect(found(given)).toEqual([]));
});

describe("seen are", () => {
  test.each<[string, string, Evidence]>([
    ["a creation that was never answered", "lost", evidence({ createdId: undefined })],
    ["a run that the record has forgotten", "lost", evidence({ runs: [] })],
    ["a command executed twice", "doubled", evidence({ notes: [...task.notes, note("started", undefined, "2.2")] })],
    ["two runs of one creation", "doubled", evidence({ runs: [run, { ...run, id: 8 }] })],
    ["a run that never ends", "stuck", ofRun({ status: "saving", log: [], digest: undefined })],
    ["one called failed that exited with 0", "falsely failed", ofRun({ status: "failed", exitCode: 0 })],
    [
      "one called complete that exited with 3",
      "falsely failed",
      evidence({ notes: [note("started"), note("ended", 3)] }),
    ],
    ["one called complete that never ended", "falsely failed", evidence({ notes: [note("started")] })],
    ["another exit code", "falsely failed", ofRun(failed, { notes: [note("started"), note("ended", 4)] })],
    ["one killed by nobody", "falsely failed", ofRun({ status: "killed" })],
    ["an interruption without a reason", "falsely failed", ofRun(interrupted)],
    [
      "one by a machine that was away for less than the lease",
      "falsely failed",
      evidence({ runs: [{ ...run, ...interrupted }] }, { faults: [{ ...away, endedAtMs: 61_000 }] }),
    ],
    [
      "one by another machine's absence",
      "falsely failed",
      evidence({ runs: [{ ...run, ...interrupted }] }, { faults: [{ ...away, target: { machine: "agent2" } }] }),
    ],
    [
      "one by an absence before its time",
      "falsely failed",
      evidence({ createdAtMs: 64_000, runs: [{ ...run, ...interrupted }] }, { faults: [away] }),
    ],
    ["a restart that never was", "falsely failed", ofRun(rebooted)],
    [
      "a restart of another machine",
      "falsely failed",
      evidence({ runs: [{ ...run, ...rebooted }] }, { faults: [fault("reboot-agent", "agent2")] }),
    ],
    [
      "a restart after its end",
      "falsely failed",
      evidence({ endedAtMs: 1_500, runs: [{ ...run, ...rebooted }] }, { faults: [reboot] }),
    ],
    [
      "a full disk of the coordinator's",
      "falsely failed",
      evidence(
        { runs: [{ ...run, ...noDisk, digest: "d1" }] },
        { faults: [fault("disk-full-coordinator", "coordinator")] },
      ),
    ],
    ["a disk that was not full", "falsely failed", ofRun({ ...noDisk, digest: "d1" })],
    ["another line missing than it could not print", "log lines", ofRun({ log: ["t1:2"] }, { notes: unsaid })],
    ["a mount that was refused", "falsely failed", ofRun({ status: "mount_failed", digest: undefined, log: [] })],
    ["a line that is missing", "log lines", ofRun({ log: ["t1:1"] })],
    ["a line that is there twice", "log lines", ofRun({ log: ["t1:1", "t1:1", "t1:2"] })],
    ["lines in another order", "log lines", ofRun({ log: ["t1:2", "t1:1"] })],
    ["a line too many", "log lines", ofRun({ log: ["t1:1", "t1:2", "t1:3"] })],
    ["a gap in the log of a killed run", "log lines", ofRun({ status: "killed", log: ["t1:2"] }, { wish: "kill" })],
    ["other bytes", "wrong bytes", ofRun({ digest: "d2" })],
    ["no bytes", "wrong bytes", ofRun({ digest: undefined })],
    ["a process that stayed", "leftovers", evidence({}, { leftovers: ["agent1: sleep 600"] })],
  ])("%s: %s", (_, column, given) => expect(found(given)).toEqual([column]));
});

test("the table names every column, the figures of each kind, and each complaint with its run", () => {
  const quick = { ...away, recoveryMs: 500 };
  const given = evidence({ runs: [] }, { faults: [quick, { ...quick, recoveryMs: 1_500 }, away] });
  const lines = verdictLines(toVerdict(given)).join("\n");
  for (const column of COLUMNS) expect(lines).toMatch(new RegExp(`^${column} +\\d+$`, "m"));
  expect(lines).toMatch(/^freeze-agent +3 +2 +0\.50 s +1\.50 s$/m);
  expect(lines).toContain("lost: t1: run 7 is not in the record");
});
