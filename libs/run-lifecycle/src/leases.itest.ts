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
      if (second % 50 === 0) world.leases.renew("a1");
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
});
