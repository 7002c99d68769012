import type { Digest } from "@spell/domain";
import { digestOf } from "@spell/spellfs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AgentSessions } from "../agent-sessions.ts";
import { AgentRepairs } from "./agent-repairs.ts";

const [ONE, TWO, OTHER] = ["1", "2", "other"].map((text) => digestOf(Buffer.from(text))) as [Digest, Digest, Digest];

/** Repairs of agents a1 and a2, one of which is asked for two blobs. */
function start() {
  const sessions = new AgentSessions([]);
  const pushes: string[] = [];
  const connect = (agentId: string) => {
    const push = (): void => void pushes.push(agentId);
    const session = {
      ...{ agentId, instanceId: "", machineTypes: [], controlSlots: 0, draining: false },
      ...{ reported: new Set<string>(), push, end: push },
    };
    sessions.connect(session);
    return session;
  };
  const [a1] = ["a1", "a2"].map(connect);
  const repairs = new AgentRepairs(sessions);
  const abort = new AbortController();
  const asking = repairs.ask("a1", {
    ...{
      digests: [ONE, TWO],
      nodes: false,
      putUrl: "http://put",
      silenceMs: 20_000,
      limitMs: 50_000,
      signal: abort.signal,
    },
  });
  const outcome = asking.catch((error: unknown) => (error as Error).message);
  const id = repairs.pending("a1")[0]?.id ?? "";
  const answer = (over: object) =>
    repairs.complete(id, { agentId: "a1", held: [], error: "", underWay: false, ...over });
  return { repairs, sessions, pushes, connect, a1, abort, outcome, answer, id };
}

describe("what agents are asked to repair", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is asked of that agent, again with each of its answers, until it has answered", async () => {
    const { repairs, pushes, outcome, answer, id } = start();
    expect(repairs.agents()).toEqual(["a1", "a2"]);
    expect(repairs.pending("a1")).toMatchObject([{ id, digests: [ONE, TWO], nodes: false, putUrl: "http://put" }]);
    expect(repairs.pending("a2")).toEqual([]);
    answer({ held: [{ digest: TWO, sizeBytes: 1 }] });
    expect(await outcome).toEqual([{ digest: TWO, sizeBytes: 1 }]);
    expect(repairs.pending("a1")).toEqual([]);
    expect(pushes).toEqual(["a1", "a1"]);
    expect(vi.getTimerCount()).toBe(0);
    answer({ error: "late" });
  });

  it("is answered only by that agent, and only with what it was asked", async () => {
    const { outcome, answer, repairs, id } = start();
    answer({ agentId: "a2", held: [{ digest: ONE, sizeBytes: 9 }] });
    repairs.complete("unknown", { agentId: "a1", held: [], error: "x", underWay: false });
    expect(repairs.pending("a1")).toMatchObject([{ id }]);
    answer({
      held: [OTHER, "../../x", "", ONE, ONE].map((digest, index) => ({ digest, sizeBytes: index })),
    });
    expect(await outcome).toEqual([{ digest: ONE, sizeBytes: 4 }]);
  });

  it("ends with the agent's reason, cut short", async () => {
    const { outcome, answer } = start();
    answer({ error: `The disk broke.${" again".repeat(1_000)}` });
    expect(await outcome).toMatch(/^could not give what it has: The disk broke\..{200,300}$/);
  });

  it("ends when the agent is silent, which signs put off, but not for ever", async () => {
    const { outcome, answer } = start();
    await vi.advanceTimersByTimeAsync(19_000);
    answer({ underWay: true });
    await vi.advanceTimersByTimeAsync(19_000);
    answer({ underWay: true });
    await vi.advanceTimersByTimeAsync(12_100);
    expect(await outcome).toBe("was not done after 50 s");
    const silent = start();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await silent.outcome).toBe("did not answer in 20 s");
  });

  it("ends when the agent stays away, not when its connection is made again", async () => {
    const { outcome, sessions, a1, connect, answer } = start();
    if (a1 === undefined) throw new Error("no agent");
    sessions.disconnect(a1);
    await vi.advanceTimersByTimeAsync(9_000);
    const again = connect("a1");
    await vi.advanceTimersByTimeAsync(9_000);
    answer({ underWay: true });
    sessions.disconnect(again);
    await vi.advanceTimersByTimeAsync(10_500);
    expect(await outcome).toBe("went away");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends when nobody waits any longer", async () => {
    const { outcome, abort, repairs } = start();
    abort.abort();
    expect(await outcome).toBe("was not waited for any longer");
    expect(repairs.pending("a1")).toEqual([]);
    const late = repairs.ask("a1", { digests: [], nodes: false, silenceMs: 1, limitMs: 1, signal: abort.signal });
    await expect(late).rejects.toMatchObject({ code: "conflict", reason: "no-repair" });
  });
});
