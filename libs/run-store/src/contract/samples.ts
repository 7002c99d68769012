/** Values that the parts of the contract suite write. */
import { createHash } from "node:crypto";
import type { Digest, LogEntry } from "@spell/domain";
import { isDigest } from "@spell/domain";
import type { AgentRecord, NewBlob, NewRun, RunSpec } from "../records.ts";
import type { RunStoreFixture } from "../contract.ts";

/** Opens an empty record. */
export type OpenFixture = () => Promise<RunStoreFixture>;

/** A digest of its own for each text. */
export function digestFor(text: string): Digest {
  const hex = createHash("sha256").update(text).digest("hex");
  if (!isDigest(hex)) throw new Error(`${hex} is not a digest`);
  return hex;
}

/** Trees that the samples name: a record refuses what is made of others. */
export function sampleTrees(): NewBlob[] {
  return ["code", "save", "tree", "a tree", "another tree"].map((name) => ({
    ...{ digest: digestFor(name), objectKey: `packs/${name}`, offset: 0, sizeBytes: 10, isNode: true },
  }));
}

/** A spec that uses every field, with texts that a careless driver breaks. */
export function sampleSpec(over: Partial<RunSpec> = {}): RunSpec {
  return {
    command: `python train.py --name "O'Brien"; DROP TABLE runs; -- ü 日本 🚀\n\t\\`,
    machineType: "V100",
    codeTree: digestFor("code"),
    codeRoot: "repo",
    cwd: "sub",
    environment: { PATH: "/bin", "EMPTY.": "", __proto__x: "a=b" },
    mounts: [
      {
        resource: "runs/1/save",
        mountPoint: "",
        path: "/spell/repo/save",
        isFile: false,
        digest: digestFor("save"),
        sizeBytes: 0,
        executable: false,
      },
    ],
    description: "",
    commitLabel: "char-rnn",
    gitCommit: "",
    params: { rate: 0.5, name: "1e4" },
    timeoutMinutes: 5,
    stopConditions: [[{ metric: "loss", operator: "<", value: 0.1, minIndex: 3 }]],
    githubUrl: "",
    githubRef: "",
    workspaceId: 7,
    ...over,
  };
}

/** A run that nobody made yet. */
export function sampleRun(over: Partial<NewRun> = {}): NewRun {
  return {
    owner: "ann",
    runType: "user",
    spec: sampleSpec(),
    labels: ["a", "b c"],
    requestHash: "",
    createdAtMs: 1_700_000_000_123,
    notices: [],
    ...over,
  };
}

/** The master run of a workflow that nobody made yet. */
export function sampleMaster(over: Partial<NewRun> = {}): NewRun {
  return sampleRun({ runType: "workflow", ...over });
}

export function sampleNotice(text: string): LogEntry {
  return { atMs: 1_700_000_000_456, text, status: "building", statusEvent: true, level: "info", partial: false };
}

export function sampleAgent(id: string, over: Partial<AgentRecord> = {}): AgentRecord {
  const name = `machine of ${id}`;
  return { id, name, machineTypes: [], createdAtMs: 1_000, lastSeenAtMs: 1_000, placement: "open", ...over };
}

/** The beginning of an attempt, as a change. */
export function assignment(agentId: string, number = 1) {
  const attempt = { number, agentId, leaseToken: `lease-${agentId}-${number}`, slots: [0, 2], atMs: 2_000 };
  return { status: "building", attempt } as const;
}

/** The end of a run, as a change. */
export function ending(status: "complete" | "killed" = "complete") {
  return { status, reasonCode: "exit-code", reason: "The command exited with code 0.", endedAtMs: 9_000 } as const;
}
