import type { Digest } from "@spell/domain";
import { isDigest } from "@spell/domain";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AgentSessions } from "./agent-sessions.ts";
import { Snapshots } from "./snapshots.ts";
import { heldRun, runRecord, runningRun } from "./test-support/records.ts";

const TREE: Digest = digest("ab".repeat(32));

function digest(text: string): Digest {
  return isDigest(text) ? text : expect.fail("not a digest");
}

/** Snapshots of agents a1 and a2, and how often each was pushed. */
function start() {
  const sessions = new AgentSessions([]);
  const pushes: string[] = [];
  for (const agentId of ["a1", "a2"]) {
    const push = (): void => void pushes.push(agentId);
    sessions.connect({
      agentId,
      instanceId: "",
      machineTypes: [],
      controlSlots: 0,
      draining: false,
      reported: new Set(),
      push,
      end: push,
    });
  }
  return { snapshots: new Snapshots(sessions), pushes };
}

function onlyId(snapshots: Snapshots, agentId = "a1"): string {
  const pending = snapshots.pending(agentId);
  expect(pending).toHaveLength(1);
  return pending[0]?.id ?? "";
}

describe("snapshots", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("asks the run's agent and gives its answer", async () => {
    const { snapshots, pushes } = start();
    const taking = snapshots.take(runningRun(), "repo/char-rnn");
    expect(pushes).toEqual(["a1"]);
    expect(snapshots.pending("a2")).toEqual([]);
    expect(snapshots.pending("a1")).toEqual([
      expect.objectContaining({ runId: 7, attempt: 1, leaseToken: "lease", path: "repo/char-rnn", agentId: "a1" }),
    ]);
    snapshots.complete(onlyId(snapshots), { agentId: "a1", leaseToken: "lease", tree: TREE });
    expect(await taking).toBe(TREE);
    expect(snapshots.pending("a1")).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("gives the agent's error as a refusal", async () => {
    const { snapshots } = start();
    const taking = snapshots.take(runningRun(), "repo");
    snapshots.complete(onlyId(snapshots), { agentId: "a1", leaseToken: "lease", error: "repo is not a directory" });
    await expect(taking).rejects.toMatchObject({
      name: "SpellError",
      code: "conflict",
      reason: "snapshot-failed",
      message: "Could not copy repo from run 7: repo is not a directory.",
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("takes no answer from another agent and none for an id that it does not know", async () => {
    const { snapshots } = start();
    const taking = snapshots.take(runningRun(), "repo");
    const id = onlyId(snapshots);
    snapshots.complete(id, { agentId: "a2", leaseToken: "lease", tree: digest("cd".repeat(32)) });
    snapshots.complete(id, { agentId: "a2", leaseToken: "lease", error: "no" });
    snapshots.complete(id, { agentId: "a1", leaseToken: "of another run", tree: digest("cd".repeat(32)) });
    snapshots.complete("made up", { agentId: "a1", leaseToken: "lease", tree: digest("cd".repeat(32)) });
    expect(onlyId(snapshots)).toBe(id);
    snapshots.complete(id, { agentId: "a1", leaseToken: "lease", tree: TREE });
    snapshots.complete(id, { agentId: "a1", leaseToken: "lease", error: "late" });
    expect(await taking).toBe(TREE);
  });

  it("waits two minutes, not less and not for ever, and ignores what comes later", async () => {
    const { snapshots } = start();
    const outcome = snapshots.take(runningRun(), "repo").catch((error: unknown) => error);
    const id = onlyId(snapshots);
    vi.advanceTimersByTime(119_999);
    expect(onlyId(snapshots)).toBe(id);
    vi.advanceTimersByTime(1);
    expect(await outcome).toMatchObject({ reason: "snapshot-failed", message: expect.stringContaining("120 s") });
    snapshots.complete(id, { agentId: "a1", leaseToken: "lease", tree: TREE });
    expect(snapshots.pending("a1")).toEqual([]);
  });

  it("end with their run; those of other runs go on", async () => {
    const { snapshots } = start();
    const outcomes = ["a", "b"].map((path) => snapshots.take(runningRun(), path).catch((error: unknown) => error));
    const other = snapshots.take(runningRun({ id: 8 }), "c");
    snapshots.runEnded(7);
    snapshots.runEnded(99);
    for (const outcome of await Promise.all(outcomes)) {
      expect(outcome).toMatchObject({ message: expect.stringContaining("the run ended meanwhile") });
    }
    snapshots.complete(onlyId(snapshots), { agentId: "a1", leaseToken: "lease", tree: TREE });
    expect(await other).toBe(TREE);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("two of one directory are two questions", async () => {
    const { snapshots } = start();
    const first = snapshots.take(runningRun(), "repo");
    const second = snapshots.take(runningRun(), "repo");
    const ids = snapshots.pending("a1").map((each) => each.id);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) snapshots.complete(id, { agentId: "a1", leaseToken: "lease", tree: TREE });
    expect(await Promise.all([first, second])).toEqual([TREE, TREE]);
  });

  it("are not possible of a run without a machine, and wait for an agent that is away", async () => {
    const { snapshots } = start();
    expect(() => snapshots.take(runRecord(), "repo")).toThrow(expect.objectContaining({ code: "conflict" }));
    const taking = snapshots.take(heldRun({ agentId: "away" }), "repo");
    snapshots.complete(onlyId(snapshots, "away"), { agentId: "away", leaseToken: "lease", tree: TREE });
    expect(await taking).toBe(TREE);
  });
});
