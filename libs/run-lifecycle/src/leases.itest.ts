import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { Leases } from "./leases.ts";
import type { World } from "./test-support/world.ts";
import { LEASE_MS, assignedTo, openWorld } from "./test-support/world.ts";

/** Looks every second, as the coordinator does, while agents speak as said; the runs that expired at last. */
async function pass(
  world: World,
  seconds: number,
  each: (second: number) => void = () => undefined,
): Promise<number[]> {
  let expired: number[] = [];
  for (let second = 1; second <= seconds; second += 1) {
    world.clock.monotonicMs += 1_000;
    each(second);
    expired = (await world.leases.expired(world.store)).map((run) => run.id);
  }
  return expired;
}

describe("leases", () => {
  it("run out when the agent was silent for longer than a lease, not before", async () => {
    await using world = await openWorld();
    const run = await world.addRun({}, assignedTo("a1"));
    await world.addRun();
    world.leases.renew("a1");
    expect(await pass(world, 60)).toEqual([]);
    expect(await pass(world, 1)).toEqual([run.id]);
    expect(world.leases.silenceMs("a1")).toBe(LEASE_MS + 1_000);
  });

  it("are all renewed when the agent is heard, and those of others are not", async () => {
    await using world = await openWorld();
    await world.addRun({}, assignedTo("a1"));
    await world.addRun({}, assignedTo("a1"));
    const silent = await world.addRun({}, assignedTo("a2"));
    const speak = (second: number): void => {
      if (second % 5 === 0) world.leases.renew("a1");
    };
    expect(await pass(world, 120, speak)).toEqual([silent.id]);
  });

  it("of a run that has ended do not run out", async () => {
    await using world = await openWorld();
    await world.addRun({}, assignedTo("a1"), { status: "complete", endedAtMs: 1 });
    expect(await pass(world, 100)).toEqual([]);
  });

  it("do not run out because the coordinator was down: an agent has a whole lease to come back", async () => {
    await using world = await openWorld();
    const run = await world.addRun({}, assignedTo("a1"));
    world.leases.renew("a1");
    // A day later, in a new process.
    world.clock.monotonicMs += 86_400_000;
    world.leases = new Leases({ leaseMs: LEASE_MS }, () => world.clock.monotonicMs);
    expect(await world.leases.expired(world.store)).toEqual([]);
    expect(await pass(world, 60)).toEqual([]);
    expect(await pass(world, 1)).toEqual([run.id]);
  });

  it("do not run out because the coordinator stood still", async () => {
    await using world = await openWorld();
    const run = await world.addRun({}, assignedTo("a1"));
    world.leases.renew("a1");
    expect(await pass(world, 30)).toEqual([]);
    // Suspended: the clock went on, nobody was listened to, and the timer fires before the agent's next word is read.
    world.clock.monotonicMs += 86_400_000;
    expect(await world.leases.expired(world.store)).toEqual([]);
    expect(await pass(world, 60)).toEqual([]);
    expect(await pass(world, 1)).toEqual([run.id]);
  });

  it("of an agent that comes back in time after the coordinator's absence go on", async () => {
    await using world = await openWorld();
    await world.addRun({}, assignedTo("a1"));
    world.clock.monotonicMs += 86_400_000;
    await world.leases.expired(world.store);
    const speak = (second: number): void => {
      if (second === 59) world.leases.renew("a1");
    };
    expect(await pass(world, 118, speak)).toEqual([]);
  });

  it("do not count the time in which the coordinator stood still, however short and however often", async () => {
    await using world = await openWorld();
    const run = await world.addRun({}, assignedTo("a1"));
    world.leases.renew("a1");
    // Stopped for nine seconds, awake for one: of each gap two seconds count at most.
    for (let gaps = 0; gaps < 20; gaps++) {
      world.clock.monotonicMs += 9_000;
      expect(await pass(world, 1)).toEqual([]);
    }
    expect(world.leases.silenceMs("a1")).toBe(20 * 2_000);
    expect(await pass(world, 21)).toEqual([run.id]);
  });

  it("do not run out while the record is away, when nobody can be heard", async () => {
    await using world = await openWorld();
    const away = { listHeld: () => Promise.reject(new Error("the record is away")) };
    const run = await world.addRun({}, assignedTo("a1"));
    world.leases.renew("a1");
    for (let second = 0; second < 600; second++) {
      world.clock.monotonicMs += 1_000;
      await expect(world.leases.expired(away)).rejects.toThrow("away");
    }
    expect(await world.leases.expired(world.store)).toEqual([]);
    expect(await pass(world, 60)).toEqual([]);
    expect(await pass(world, 1)).toEqual([run.id]);
  });

  it("do not run out for some leases when all agents fall silent at once: the coordinator is cut off", async () => {
    await using world = await openWorld();
    const ids = [];
    for (const agentId of ["a1", "a2"]) ids.push((await world.addRun({}, assignedTo(agentId))).id);
    for (const agentId of ["a1", "a2"]) world.leases.renew(agentId);
    expect(await pass(world, 300)).toEqual([]);
    // One is heard again: the other has a whole lease to come back, and then it is the one that is lost.
    const speak = (): void => world.leases.renew("a1");
    expect(await pass(world, 60, speak)).toEqual([]);
    expect(await pass(world, 2, speak)).toEqual([ids[1]]);
  });

  it("run out in the end when all agents stay silent", async () => {
    await using world = await openWorld();
    const ids = [];
    for (const agentId of ["a1", "a2"]) ids.push((await world.addRun({}, assignedTo(agentId))).id);
    expect(await pass(world, 8 * (LEASE_MS / 1_000))).toEqual(ids);
  });
});

describe("an agent", () => {
  it("counts as lost within 15 seconds of silence, long before its lease has run out, and no more once it is heard", async () => {
    await using world = await openWorld();
    const agent = world.connect("a1", { CPU: 2 });
    await world.lifecycle.report("a1", []);
    const fallen: string[] = [];
    let seconds = 0;
    while (fallen.length === 0 && seconds < 100) {
      seconds += 1;
      await pass(world, 1);
      fallen.push(...world.lifecycle.noticeSilence());
    }
    expect([fallen, seconds]).toEqual([["a1"], 13]);
    expect(world.lifecycle.noticeSilence()).toEqual([]);
    expect(world.sessions.present()).toEqual([]);
    const held = await world.addRun({}, assignedTo("a1"), { requested: "kill" });
    expect(world.lifecycle.explainSilence(held)).toBe(
      "Its agent was not heard for 13 s, and may still execute it. The run is interrupted when that lasts 47 s more. It is told to kill it as soon as it is heard.",
    );
    const run = await world.addRun();
    expect(await world.dispatcher.explain(run)).toBe("Waits for an agent: none is connected.");
    await world.lifecycle.report("a1", []);
    await waitFor("the run to be given to it", async () => (await world.store.findRun(run.id))?.agentId === "a1");
    expect(world.sessions.find("a1")).toBe(agent);
    expect(world.lifecycle.explainSilence(held)).toBe("");
  });

  it("whose process died or fell silent is taken over by another process; one that lives is not", async () => {
    await using world = await openWorld();
    const first = world.connect("a1", { CPU: 1 });
    const second = { ...first, instanceId: "another process" };
    await world.lifecycle.report("a1", []);
    expect(() => world.sessions.connect(second)).toThrow(expect.objectContaining({ reason: "agent-in-use" }) as Error);
    expect(world.sessions.find("a1")).toBe(first);
    // The same process on a new stream.
    const again = { ...first };
    world.sessions.connect(again);
    expect(world.sessions.disconnect(first)).toBe(false);
    expect(world.sessions.disconnect(again)).toBe(true);
    world.sessions.connect(second);
    await pass(world, 13);
    world.lifecycle.noticeSilence();
    world.sessions.connect(first);
    expect(world.sessions.find("a1")).toBe(first);
  });
});
