/** The small pure parts: who may see a run, what an agent should do, which nodes stay in memory. */
import type { Digest } from "@spell/domain";
import { isDigest } from "@spell/domain";
import { describe, expect, it } from "vitest";
import { desiredAttempts } from "./desired-state.ts";
import { NodeCache } from "./node-cache.ts";
import type { Principal } from "./principal.ts";
import { mayRead, maySteer, requireOwner } from "./principal.ts";
import { heldRun, runRecord } from "./test-support/records.ts";

describe("maySteer", () => {
  const inWorkflow = runRecord({ id: 7, workflowId: 3 });
  it.each<[string, Principal, boolean]>([
    ["its owner", { kind: "user", userName: "ann" }, true],
    ["another user", { kind: "user", userName: "bob" }, false],
    ["an agent", { kind: "agent", agentId: "a1" }, false],
    ["the run itself", { kind: "run", userName: "ann", runId: 7 }, true],
    ["a run of its workflow", { kind: "run", userName: "ann", runId: 1, workflowId: 3 }, true],
    ["a run of another workflow", { kind: "run", userName: "ann", runId: 1, workflowId: 4 }, false],
    ["a run of no workflow", { kind: "run", userName: "ann", runId: 1 }, false],
    [
      "a run of another user that claims the workflow",
      { kind: "run", userName: "bob", runId: 1, workflowId: 3 },
      false,
    ],
  ])("%s", (_name, principal, expected) => {
    expect(maySteer(principal, inWorkflow)).toBe(expected);
  });

  it("runs of no workflow do not steer each other, but may read", () => {
    expect(mayRead({ kind: "run", userName: "ann", runId: 1 }, runRecord({ id: 2 }))).toBe(true);
    expect(mayRead({ kind: "run", userName: "bob", runId: 1 }, runRecord({ id: 2 }))).toBe(false);
    expect(mayRead({ kind: "agent", agentId: "a1" }, runRecord({ id: 2 }))).toBe(false);
    expect(maySteer({ kind: "run", userName: "ann", runId: 1 }, runRecord({ id: 2 }))).toBe(false);
  });
});

describe("requireOwner", () => {
  it("refuses agents", () => {
    expect(() => requireOwner({ kind: "agent", agentId: "a1" })).toThrow(
      expect.objectContaining({ code: "forbidden" }),
    );
  });
});

describe("desiredAttempts", () => {
  it("says what to do with each attempt, and sends the spec of those not reported yet", () => {
    const held = [
      heldRun({ id: 1 }),
      heldRun({ id: 2, attempt: 2, requested: "stop" }),
      heldRun({ id: 3, requested: "kill" }),
    ];
    const desired = desiredAttempts(held, new Set(["1/1", "2/1", "9/1"]));
    expect(desired.map(({ run, action, withSpec }) => [run.id, action, withSpec])).toEqual([
      [1, "run", false],
      [2, "stop", true],
      [3, "kill", true],
    ]);
  });
});

describe("NodeCache", () => {
  function name(index: number): Digest {
    const text = index.toString(16).padStart(64, "0");
    return isDigest(text) ? text : expect.fail("not a digest");
  }

  it("is bounded by bytes and lets go of what was used least lately", () => {
    const cache = new NodeCache();
    const quarter = new Uint8Array(16 * 1024 * 1024);
    for (const index of [1, 2, 3, 4]) cache.set(name(index), quarter);
    expect(cache.get(name(1))).toBe(quarter);
    cache.set(name(5), quarter);
    expect([1, 2, 3, 4, 5].filter((index) => cache.get(name(index)) !== undefined)).toEqual([1, 3, 4, 5]);
  });

  it("counts a node once however often it is set, and never keeps one that is too big", () => {
    const cache = new NodeCache();
    const half = new Uint8Array(32 * 1024 * 1024);
    for (let times = 0; times < 5; times += 1) cache.set(name(1), half);
    cache.set(name(2), half);
    expect(cache.get(name(1))).toBe(half);
    cache.set(name(3), new Uint8Array(64 * 1024 * 1024 + 1));
    expect(cache.get(name(3))).toBeUndefined();
  });
});
