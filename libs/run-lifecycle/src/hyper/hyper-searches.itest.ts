/** Searches on a real record: what is made, what is refused, who may, and that nothing is lost or doubled by a crash. */
import { describe, expect, it, onTestFinished } from "vitest";
import type { RunRecord, RunStore, SearchSpec } from "@spell/run-store";
import { waitFor } from "@spell/testing";
import type { RunRequest } from "../create-runs.ts";
import type { Principal } from "../principal.ts";
import type { World } from "../test-support/world.ts";
import { ANN, BOB, openWorld, runRequest } from "../test-support/world.ts";
import { HyperDriver } from "./hyper-driver.ts";
import { HyperSearches, searchStatus } from "./hyper-searches.ts";

const grid: SearchSpec = {
  kind: "grid",
  parameters: [
    { name: "lr", values: [0.1, "1e4"] },
    { name: "units", values: [2, 3] },
  ],
};
const random: Extract<SearchSpec, { kind: "random" }> = {
  ...{ kind: "random", numRuns: 20 },
  parameters: [
    { name: "lr", range: { min: 1e-4, max: 1, scaling: "log", type: "float" } },
    { name: "units", range: { min: 2, max: 3, scaling: "linear", type: "int" } },
  ],
};
const bayesian: Extract<SearchSpec, { kind: "bayesian" }> = {
  ...{ kind: "bayesian", numRuns: 7, parallelRuns: 2, metric: "acc", aggregation: "last" },
  parameters: [
    { name: "lr", range: { min: 0, max: 1, scaling: "linear", type: "float" } },
    { name: "units", range: { min: 2, max: 9, scaling: "linear", type: "int" } },
  ],
};
const PLACES = "python train.py --lr :lr: --units :units:";

/** The use cases on a world, with a driver that is stopped when the test ends. */
function searchesOn(world: World, store: RunStore = world.store) {
  const { lifecycle, create, clock, errors } = world;
  const now = (): number => clock.nowMs;
  const driver = new HyperDriver({ store, lifecycle, now, onError: (error) => errors.push(error) });
  onTestFinished(() => driver.stop());
  const hyper = new HyperSearches({ store, create, lifecycle, driver, now, seed: () => 11 });
  const make = (spec: SearchSpec, over: Partial<RunRequest> = {}, principal: Principal = ANN) =>
    hyper.create(principal, { spec, run: runRequest({ command: PLACES, ...over }) }, "");
  return { driver, hyper, make };
}

/** Ends a run as an agent's report would, with this last value of the metric. */
async function endRun({ store, lifecycle }: World, run: RunRecord, value?: number): Promise<void> {
  const attempt = { number: 1, agentId: "a1", leaseToken: "lease", slots: [0], atMs: 1 };
  const current = await store.findRun(run.id);
  await store.updateRun(run.id, current?.version ?? 0, { status: "running", attempt, startedAtMs: 1 });
  if (value !== undefined) await store.metrics.addBatch(run.id, 1, 0, [{ name: "acc", atMs: 1, index: 0, value }]);
  const result = { cause: "exit" as const, exitCode: 0, logEntries: 0 };
  await lifecycle.report("a1", [{ runId: run.id, attempt: 1, leaseToken: "lease", history: [], result }]);
}

/** Ends whatever is open, one after the other, until the search is over. */
async function runToTheEnd(
  { world, driver, id }: { world: World; driver: HyperDriver; id: number },
  value: (run: RunRecord) => number | undefined,
): Promise<RunRecord[]> {
  const { hyper } = world.store;
  for (;;) {
    const runs = await hyper.listRuns(id);
    if ((await hyper.find(id))?.endedAtMs !== undefined) return runs;
    const next = runs.find((run) => run.endedAtMs === undefined);
    if (next === undefined) throw new Error("the search neither ended nor went on");
    await endRun(world, next, value(next));
    await driver.settle(id);
  }
}

const paramsOf = (runs: readonly RunRecord[]) => runs.map((run) => run.spec.params);

describe("a search", () => {
  it("by grid queues every combination with its values in the command", async () => {
    await using world = await openWorld();
    const { hyper, make } = searchesOn(world);
    const { search, runs } = await make(grid, { labels: ["a"], description: "d" });
    expect(runs.map((run) => run.spec.command)).toEqual([
      "python train.py --lr 0.1 --units 2",
      "python train.py --lr 0.1 --units 3",
      "python train.py --lr 1e4 --units 2",
      "python train.py --lr 1e4 --units 3",
    ]);
    expect(runs[2]).toMatchObject({
      ...{ hyperSearchId: search.id, labels: ["a"], status: "machine_requested" },
      spec: { params: { lr: "1e4", units: 2 }, description: "d" },
    });
    expect(search.template.spec.command).toBe(PLACES);
    expect(searchStatus(search)).toBe("running");
    const found = await hyper.get(ANN, search.id);
    expect(found).toEqual({ search, runs, progress: { made: 4, open: 4 } });
    expect((await world.store.describeLog(runs[0]?.id ?? 0))?.before[0]?.text).toMatch(/^Run created/);
  });

  it("at random draws as many as were asked for, all within their ranges", async () => {
    await using world = await openWorld();
    const { runs } = await searchesOn(world).make(random);
    expect(runs).toHaveLength(20);
    for (const { lr, units } of paramsOf(runs)) {
      expect(Number(lr)).toBeGreaterThanOrEqual(1e-4);
      expect(Number(lr)).toBeLessThanOrEqual(1);
      expect([2, 3]).toContain(units);
    }
    expect(new Set(runs.map((run) => run.spec.command)).size).toBe(20);
  });

  it("ends when its last run has", async () => {
    await using world = await openWorld();
    const { driver, hyper, make } = searchesOn(world);
    const { search } = await make(grid);
    await runToTheEnd({ world, driver, id: search.id }, () => undefined);
    const { search: ended, progress } = await hyper.get(ANN, search.id);
    expect(searchStatus(ended)).toBe("complete");
    expect(progress).toEqual({ made: 4, open: 0, startedAtMs: expect.any(Number) });
  });

  it("is made once for a client key", async () => {
    await using world = await openWorld();
    const { hyper } = searchesOn(world);
    const request = { spec: grid, run: runRequest({ command: PLACES }) };
    const first = await hyper.create(ANN, request, "key");
    const again = await hyper.create(ANN, { ...request, spec: random }, "key");
    expect(again.search.id).toBe(first.search.id);
    expect(await world.store.listRuns({ owner: "ann", pageSize: 100 })).toHaveLength(4);
    expect((await hyper.create(BOB, request, "key")).search.id).not.toBe(first.search.id);
  });

  it.each<[SearchSpec, Partial<RunRequest>, RegExp]>([
    [grid, { command: "python train.py --lr :lr:" }, /no place for the parameter "units"/],
    [grid, { params: { lr: 1 } }, /"lr" is both searched and a parameter/],
    [grid, { idempotent: true }, /always new ones/],
    [grid, { machineType: "V1000" }, /invalid machine type/],
    [grid, { commitLabel: "x" }, /outside a workflow/],
    [grid, { mounts: [{ resource: "runs/99/x", mountPoint: "" }] }, /Cannot mount resource/],
    [{ ...random, numRuns: 0 }, {}, /num_runs is 0/],
    [
      { kind: "grid", parameters: [{ name: "lr", values: ["x".repeat(9_999)] }] },
      { command: ":lr:".repeat(50) },
      /longer than/,
    ],
  ])("is refused whole, as %j with %j", async (spec, over, sentence) => {
    await using world = await openWorld();
    const { hyper, make } = searchesOn(world);
    await expect(make(spec, over)).rejects.toThrow(sentence);
    expect(await hyper.list(ANN)).toEqual([]);
    expect(await world.store.listRuns({ owner: "ann", pageSize: 10 })).toEqual([]);
  });

  it("belongs to its owner, and what a run may change to its workflow", async () => {
    await using world = await openWorld();
    const { hyper, make } = searchesOn(world);
    const { search } = await make(grid, { environment: { KEY: "secret" } });
    const absent = { code: "not-found", reason: "no-such-search" };
    for (const call of [
      () => hyper.get(BOB, search.id),
      () => hyper.request(BOB, search.id, "kill"),
      () => hyper.archive(BOB, search.id),
      () => hyper.metricNames(BOB, search.id),
      () => hyper.metric(BOB, search.id, "acc").next(),
      () => hyper.get(ANN, 99),
    ]) {
      await expect(call()).rejects.toMatchObject(absent);
    }
    expect(await hyper.list(BOB)).toEqual([]);
    await expect(hyper.list({ kind: "agent", agentId: "a1" })).rejects.toMatchObject({ code: "forbidden" });

    const { workflow, run: master } = await world.create.workflow(ANN, { run: runRequest(), labels: [] }, "");
    const inside: Principal = { kind: "run", userName: "ann", runId: master.id, workflowId: workflow.id };
    const { search: own, runs } = await make(grid, {}, inside);
    expect(runs.map((run) => run.workflowId)).toEqual(Array.from({ length: 4 }, () => workflow.id));
    await hyper.request(inside, own.id, "kill");
    expect((await hyper.get(inside, search.id)).runs[0]?.spec.environment).toEqual({});
    await expect(hyper.request(inside, search.id, "kill")).rejects.toMatchObject({ code: "forbidden" });
    await expect(hyper.archive(inside, search.id)).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("stopping, killing, archiving", () => {
  it("ends what waits and makes no more", async () => {
    await using world = await openWorld();
    const { hyper, make } = searchesOn(world);
    const { search } = await make(bayesian);
    await hyper.request(ANN, search.id, "stop");
    const { search: stopped, runs } = await hyper.get(ANN, search.id);
    expect(searchStatus(stopped)).toBe("stopped");
    expect(runs.map((run) => run.status)).toEqual(["killed", "killed"]);
    const again = hyper.request(ANN, search.id, "kill");
    await expect(again).rejects.toMatchObject({ code: "conflict", reason: "search-ended" });
  });

  it("is passed on by whoever comes after a crash", async () => {
    await using world = await openWorld();
    const { make } = searchesOn(world);
    const { search } = await make(grid);
    // As if the process had ended just after this write.
    await world.store.hyper.request(search.id, "kill", "ann");
    searchesOn(world).driver.start();
    const ended = () => world.store.hyper.find(search.id).then((found) => found?.endedAtMs !== undefined && found);
    expect(searchStatus(await waitFor("the search to be over", ended))).toBe("killed");
    const runs = await world.store.hyper.listRuns(search.id);
    expect(runs.map((run) => [run.status, run.requestedBy])).toEqual(runs.map(() => ["killed", "ann"]));
  });

  it("comes with stopping or killing the workflow that the search is of", async () => {
    await using world = await openWorld();
    const { driver, make } = searchesOn(world);
    const { workflow } = await world.create.workflow(ANN, { run: runRequest(), labels: [] }, "");
    const inside = await make(bayesian, { workflowId: workflow.id });
    const outside = await make(bayesian);
    await world.lifecycle.requestWorkflow(ANN, workflow.id, "kill");
    await driver.settle(inside.search.id);
    const ended = await world.store.hyper.find(inside.search.id);
    expect(ended).toMatchObject({ requested: "kill", requestedBy: "ann", endedAtMs: expect.any(Number) });
    const runs = await world.store.hyper.listRuns(inside.search.id);
    expect(runs.map(({ status }) => status)).toEqual(["killed", "killed"]);
    expect(await world.store.hyper.find(outside.search.id)).toEqual(outside.search);
    const again = world.lifecycle.requestWorkflow(ANN, workflow.id, "kill");
    await expect(again).rejects.toMatchObject({ reason: "workflow-ended" });
  });

  it("hides an ended search once, and leaves its runs", async () => {
    await using world = await openWorld();
    const { hyper, make } = searchesOn(world);
    const { search } = await make(grid);
    await expect(hyper.archive(ANN, search.id)).rejects.toMatchObject({ code: "conflict", reason: "search-active" });
    await hyper.request(ANN, search.id, "kill");
    await hyper.archive(ANN, search.id);
    await expect(hyper.archive(ANN, search.id)).rejects.toMatchObject({ reason: "already-archived" });
    expect(await hyper.list(ANN)).toEqual([]);
    expect((await hyper.get(ANN, search.id)).runs).toHaveLength(4);
  });
});

describe("a bayesian search", () => {
  const near = (run: RunRecord): number =>
    -((Number(run.spec.params["lr"]) - 0.3) ** 2) - Number(run.spec.params["units"]);

  it("keeps as many runs under way as were asked for, learns, and ends", async () => {
    await using world = await openWorld();
    const { driver, make } = searchesOn(world);
    const { search, runs } = await make({ ...bayesian, numRuns: 12 });
    expect(runs).toHaveLength(2);
    const open: Promise<number>[] = [];
    const all = await runToTheEnd({ world, driver, id: search.id }, (run) => {
      open.push(world.store.hyper.progress(search.id).then((progress) => progress.open));
      return near(run);
    });
    expect(all).toHaveLength(12);
    expect(await Promise.all(open)).toEqual([...Array.from({ length: 11 }, () => 2), 1]);
    const best = Math.max(...all.map(near));
    expect(best).toBeGreaterThan(-2.3);
  });

  it("goes on when runs fail, send nothing or are killed", async () => {
    await using world = await openWorld();
    const { driver, make } = searchesOn(world);
    const { search, runs } = await make(bayesian);
    await world.lifecycle.request(ANN, runs[0]?.id ?? 0, "kill");
    await driver.settle(search.id);
    const all = await runToTheEnd({ world, driver, id: search.id }, (run) =>
      run.id % 2 === 0 ? undefined : near(run),
    );
    expect(all).toHaveLength(7);
  });

  it("is the same search whoever drives it, with the process lost after any write", async () => {
    await using world = await openWorld();
    const { driver, make } = searchesOn(world);
    const { search } = await make(bayesian);
    const whole = paramsOf(await runToTheEnd({ world, driver, id: search.id }, near));

    await using other = await openWorld();
    /** A store whose every write of a run is the last thing that its process hears of. */
    const dying = (store: RunStore): RunStore => {
      const addRun: RunStore["hyper"]["addRun"] = async (...request) => {
        await store.hyper.addRun(...request);
        throw new Error("killed");
      };
      const hyper = new Proxy(store.hyper, {
        get: (target, name) => {
          if (name === "addRun") return addRun;
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
      return new Proxy(store, { get: (target, name) => (name === "hyper" ? hyper : bound(target, name)) });
    };
    const { search: again, runs } = await searchesOn(other).make(bayesian);
    const ended = new Set<number>();
    let open = runs;
    while (ended.size < bayesian.numRuns) {
      const [next] = open.filter((run) => !ended.has(run.id));
      if (next === undefined) throw new Error("a run is missing");
      ended.add(next.id);
      await endRun(other, next, near(next));
      // Several drivers after each other, the first ones dying at their first write, and two at once.
      await searchesOn(other, dying(other.store)).driver.settle(again.id);
      await Promise.all([searchesOn(other).driver.settle(again.id), searchesOn(other).driver.settle(again.id)]);
      open = await other.store.hyper.listRuns(again.id);
    }
    expect(paramsOf(open)).toEqual(whole);
    expect(searchStatus((await other.store.hyper.find(again.id)) ?? search)).toBe("complete");
    expect(other.errors.every((error) => (error as Error).message === "killed")).toBe(true);
  });

  it("gives up a calculation when it is stopped, and leaves the record as it was", async () => {
    await using world = await openWorld();
    const { driver, make } = searchesOn(world);
    const { search, runs } = await make({ ...bayesian, parallelRuns: 6 });
    for (const run of runs) {
      if (run === runs[5]) driver.kick(search.id);
      await endRun(world, run, near(run));
    }
    await driver.stop();
    expect(world.errors).toEqual([]);
    const made = (await world.store.hyper.listRuns(search.id)).length;
    driver.kick(search.id);
    await driver.settle(search.id);
    expect(await world.store.hyper.listRuns(search.id)).toHaveLength(made);
  });
});

describe("the metrics of a search", () => {
  it("are named once, and given run by run in parts", async () => {
    await using world = await openWorld();
    const { hyper, make } = searchesOn(world);
    const { search, runs } = await make(grid);
    const [first, second, third] = runs.map((run) => run.id);
    const points = Array.from({ length: 10_001 }, (_, index) => ({
      name: "acc",
      atMs: 1_000 + index,
      index,
      value: index,
    }));
    await world.store.metrics.addBatch(first ?? 0, 1, 0, points);
    await world.store.metrics.addBatch(second ?? 0, 1, 0, [{ name: "loss", atMs: 5, index: 0, value: "NaN" }]);
    await world.store.metrics.addBatch(third ?? 0, 1, 0, [{ name: "acc", atMs: 5, index: 7, value: 0.5 }]);
    expect(await hyper.metricNames(ANN, search.id)).toEqual(["acc", "loss"]);
    const parts = await gather(hyper.metric(ANN, search.id, "acc"));
    expect(parts.map((part) => [part.runId, part.points.length])).toEqual([
      [first, 10_000],
      [first, 1],
      [third, 1],
    ]);
    expect(parts.flatMap((part) => part.points.map(({ index }) => index)).slice(0, 10_001)).toEqual(
      points.map((p) => p.index),
    );
    expect(await gather(hyper.metric(ANN, search.id, "none"))).toEqual([]);
  });
});

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === "function" ? (value.bind(target) as unknown) : value;
}

async function gather<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const part of parts) all.push(part);
  return all;
}
