import type { RunRecord, RunStore } from "@spell/run-store";
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { runRecord } from "./test-support/records.ts";
import type { World } from "./test-support/world.ts";
import { assignedTo, openWorld } from "./test-support/world.ts";

function ofType(machineType: string) {
  return { spec: { ...runRecord().spec, machineType } };
}

async function held(world: World, count: number): Promise<RunRecord[]> {
  return waitFor(`${count} runs to be held`, async () => {
    const runs = await world.store.listHeld();
    return runs.length === count && runs;
  });
}

/** The store, but with these methods instead of its own. */
function withMethods(store: RunStore, methods: Partial<RunStore>): RunStore {
  return new Proxy(store, {
    get: (target, name) => {
      const replaced: unknown = Reflect.get(methods, name);
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

describe("the dispatcher", () => {
  it("gives waiting runs to an agent with free slots, each with a lease of its own, and tells it", async () => {
    await using world = await openWorld();
    const runs = [await world.addRun(), await world.addRun(), await world.addRun()];
    const agent = world.connect("a1", { CPU: 2 });
    const news = new Promise<void>((resolve) => void world.bus.subscribeStatus(() => resolve()));
    world.clock.nowMs += 500;
    world.dispatcher.kick();
    const taken = await held(world, 2);
    expect(taken.map((run) => run.id)).toEqual([runs[0]?.id, runs[1]?.id]);
    expect(taken.map((run) => run.slots)).toEqual([[0], [1]]);
    expect(taken[0]).toMatchObject({ status: "building", attempt: 1, agentId: "a1" });
    expect(new Set(taken.map((run) => run.leaseToken)).size).toBe(2);
    for (const run of taken) expect(run.leaseToken).toMatch(/^[0-9a-f]{32}$/);
    await news;
    await waitFor("the agent to be told", () => agent.pushes > 0);
    expect(await world.store.listQueued(10)).toHaveLength(1);
  });

  it("sees a run whose machine is free behind any number that wait for another", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    await Promise.all(Array.from({ length: 1_200 }, () => world.addRun(ofType("V100"))));
    const run = await world.addRun(ofType("CPU"));
    world.dispatcher.kick();
    expect((await held(world, 1)).map(({ id }) => id)).toEqual([run.id]);
  });

  it("fills as many slots as there are, also beyond what one pass looks at", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 600 });
    await Promise.all(Array.from({ length: 601 }, () => world.addRun()));
    world.dispatcher.kick();
    expect(await held(world, 600)).toHaveLength(600);
  });

  it("never gives a run or a slot twice, however often and from wherever it is kicked", async () => {
    await using world = await openWorld();
    const agents = ["a1", "a2", "a3"].map((id) => world.connect(id, { CPU: 4 }, 1));
    const kicking = Array.from({ length: 30 }, async () => {
      await world.addRun();
      world.dispatcher.kick();
      world.dispatcher.kick();
    });
    await Promise.all(kicking);
    for (let round = 0; round < 10; round += 1) world.dispatcher.kick();
    const taken = await held(world, 12);
    await world.dispatcher.stop();
    expect(await world.store.listHeld()).toEqual(taken);
    expect(new Set(taken.map((run) => `${run.agentId}/${run.slots.join()}`)).size).toBe(12);
    for (const run of taken) {
      expect(run.attempt).toBe(1);
      expect((await world.store.describeLog(run.id))?.attempts).toHaveLength(1);
    }
    expect(taken.map((run) => run.id)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    expect(agents.every((agent) => agent.pushes > 0)).toBe(true);
    expect(world.errors).toEqual([]);
  });

  it("gives a slot again once its run has ended", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const [first, second] = [await world.addRun(), await world.addRun()];
    world.dispatcher.kick();
    const [run] = await held(world, 1);
    expect(run?.id).toBe(first.id);
    await world.store.updateRun(first.id, run?.version ?? -1, { status: "complete", endedAtMs: 1 });
    world.dispatcher.kick();
    await waitFor("the second run", async () => (await world.store.findRun(second.id))?.slots.join() === "0");
  });

  it("a run that is cancelled between the look and the assignment stays cancelled", async () => {
    let cancelled = false;
    await using world = await openWorld((store) =>
      withMethods(store, {
        listHeld: async (agentId) => {
          const [run] = await store.listQueued(1);
          if (run !== undefined && !cancelled) {
            cancelled = true;
            await store.updateRun(run.id, run.version, { status: "killed", endedAtMs: 1 });
          }
          return store.listHeld(agentId);
        },
      }),
    );
    const [doomed, next] = [await world.addRun(), await world.addRun()];
    world.connect("a1", { CPU: 2 });
    world.dispatcher.kick();
    expect((await held(world, 1))[0]?.id).toBe(next.id);
    expect(await world.store.findRun(doomed.id)).toMatchObject({ status: "killed", attempt: 0 });
    expect(world.errors).toEqual([]);
  });

  it("loses no kick, whenever it comes", async () => {
    for (let microtasks = 0; microtasks <= 30; microtasks += 1) {
      let looks = 0;
      await using world = await openWorld((store) =>
        withMethods(store, {
          listQueued: async () => {
            looks += 1;
            if (looks === 1) void later(microtasks).then(() => world.dispatcher.kick());
            return [];
          },
        }),
      );
      world.dispatcher.kick();
      await waitFor(`a second look after a kick ${microtasks} steps after the first`, () => looks >= 2, {
        timeoutMs: 1_000,
        everyMs: 1,
      });
    }
  });

  it("goes on after a failure, at the next kick", async () => {
    let away = true;
    await using world = await openWorld((store) =>
      withMethods(store, {
        listQueued: (limit) => (away ? Promise.reject(new Error("the record is away")) : store.listQueued(limit)),
      }),
    );
    world.connect("a1", { CPU: 1 });
    await world.addRun();
    world.dispatcher.kick();
    await waitFor("the failure to be told", () => world.errors.length === 1);
    away = false;
    world.dispatcher.kick();
    await held(world, 1);
  });

  it("does nothing once it is stopped", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    await world.addRun();
    await world.dispatcher.stop();
    world.dispatcher.kick();
    await world.dispatcher.stop();
    expect(await world.store.listHeld()).toEqual([]);
  });

  it("prefers the agent that made the inputs", async () => {
    await using world = await openWorld();
    const source = await world.addRun({}, assignedTo("a2"), { status: "complete", endedAtMs: 1 });
    world.connect("a1", { CPU: 8 });
    world.connect("a2", { CPU: 1 });
    const outputTree = await world.commit({ save: "x" });
    const mount = { resource: `runs/${source.id}/save`, mountPoint: "", path: "/m", isFile: true, digest: outputTree };
    const spec = { ...runRecord().spec, mounts: [{ ...mount, sizeBytes: 1, executable: false }] };
    await world.addRun({ spec });
    world.dispatcher.kick();
    expect((await held(world, 1))[0]?.agentId).toBe("a2");
  });

  it("counts what an agent still holds from before it reconnected", async () => {
    await using world = await openWorld();
    await world.addRun({}, assignedTo("a1", { slots: [1] }));
    const waiting = [await world.addRun(), await world.addRun()];
    world.connect("a1", { CPU: 2 });
    world.dispatcher.kick();
    await held(world, 2);
    await world.dispatcher.stop();
    expect(await world.store.findRun(waiting[0]?.id ?? 0)).toMatchObject({ slots: [0] });
    expect(await world.store.findRun(waiting[1]?.id ?? 0)).toMatchObject({ status: "machine_requested" });
  });

  describe("explains why a run waits", () => {
    it("by its place in the line of its machine type, whatever number of slots is asked for", async () => {
      await using world = await openWorld();
      world.connect("a1", { CPU: 1, V100: 2 });
      await world.addRun({}, assignedTo("a1"));
      await world.addRun(ofType("V100x2"));
      await world.addRun();
      await world.addRun({ runType: "workflow", ...ofType("V100") });
      const run = await world.addRun(ofType("V100"));
      expect(await world.dispatcher.explain(run)).toBe("Waits for a free V100 slot (2 in all). 1 run is ahead of it.");
    });

    it("when nobody is connected", async () => {
      await using world = await openWorld();
      expect(await world.dispatcher.explain(await world.addRun())).toBe("Waits for an agent: none is connected.");
    });
  });
});

async function later(microtasks: number): Promise<void> {
  for (let step = 0; step < microtasks; step += 1) await Promise.resolve();
}
