/** Records for tests of pure decisions. */
import type { RunRecord } from "@spell/run-store";

/** When the sample run was made, unix milliseconds. */
export const CREATED_AT_MS = 1_700_000_000_000;

/** What asks for as little as possible. */
export function bareSpec() {
  return {
    command: "python train.py",
    machineType: "CPU",
    codeTree: "" as const,
    codeRoot: "",
    cwd: "",
    environment: {},
    mounts: [],
    description: "",
    commitLabel: "",
    gitCommit: "",
    params: {},
    stopConditions: [],
    githubUrl: "",
    githubRef: "",
  };
}

/** A run that waits, unless told otherwise. */
export function runRecord(over: Partial<RunRecord> = {}): RunRecord {
  return {
    id: 7,
    owner: "ann",
    runType: "user",
    spec: bareSpec(),
    labels: [],
    status: "machine_requested",
    passed: ["machine_requested"],
    reasonCode: "",
    reason: "",
    createdAtMs: CREATED_AT_MS,
    attempt: 0,
    slots: [],
    version: 1,
    ...over,
  };
}

/** A run whose first attempt agent `a1` holds. */
export function heldRun(over: Partial<RunRecord> = {}): RunRecord {
  return runRecord({
    status: "building",
    passed: ["machine_requested", "building"],
    attempt: 1,
    agentId: "a1",
    leaseToken: "lease",
    slots: [0],
    version: 2,
    ...over,
  });
}

/** The same, with its command started two seconds after it was made. */
export function runningRun(over: Partial<RunRecord> = {}): RunRecord {
  const passed: RunRecord["passed"] = ["machine_requested", "building", "mounting", "running"];
  return heldRun({ status: "running", passed, startedAtMs: CREATED_AT_MS + 2_000, ...over });
}
