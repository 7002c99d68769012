/** Hyper-parameter searches over HTTP: the forms of the historical client, hostile ones, and whose they are. */
import { describe, expect, it } from "vitest";
import { HyperSearchSpec, RunSpec } from "@spell/rpc";
import { ask, post, send } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/);
const RUN = { command: "python x --lr :lr: :units:", gpu: "CPU", labels: [], environment_vars: {}, params: null };
const GRID = { grid_params: { lr: { values: [0.1, "1e4"] }, units: { values: [3] } }, run: RUN };
const RANDOM = {
  num_runs: 2,
  random_params: {
    lr: { range_spec: { min: 0, max: 1, scaling: "linear", type: "float" }, value_spec: null },
    units: { value_spec: { values: ["a", "b"] } },
  },
  run: RUN,
};
const RANGE = { min: 1, max: 5, scaling: "linear", type: "int" };
const BAYESIAN = {
  ...{ num_runs: 4, parallel_runs: 2, metric: "acc", metric_aggregation: "max" },
  ...{ bayesian_params: { lr: { ...RANGE, type: "float" }, units: RANGE }, run: RUN },
};

interface Search {
  id: number;
  parameter_spec: Record<string, unknown>;
  runs: { id: number; hyper_params: Record<string, unknown>; command: string; status: string }[];
}

async function newSearch(world: World, body: unknown): Promise<Search> {
  const answer = await ask(world, "runs/ann/hyper_search", { body });
  expect(answer).toMatchObject({ status: 200 });
  return answer.body["hyper_search"] as Search;
}

describe("a search over HTTP", () => {
  it("by grid is answered with everything that clients look up", async () => {
    await using world = await openWorld();
    const search = await newSearch(world, GRID);
    const run = { status: "machine_requested", git_commit_hash: "", gpu: "CPU", creator: { user_name: "ann" } };
    expect(search).toMatchObject({
      ...{ id: 1, num_runs: 2, command: RUN.command, gpu: "CPU", description: "", status: "running", created_at: time },
      ...{ started_at: null, ended_at: null, archived_at: null, creator: { user_name: "ann" } },
      runs: [
        { ...run, hyper_params: { lr: 0.1, units: 3 }, command: "python x --lr 0.1 3" },
        { ...run, hyper_params: { lr: "1e4", units: 3 }, command: "python x --lr 1e4 3" },
      ],
    });
    expect(Object.entries(search.parameter_spec)[0]).toEqual(["grid_params", GRID.grid_params]);
    expect((await ask(world, "runs/ann/hyper_search/1")).body).toEqual({ hyper_search: search });
    const listed = (await ask(world, "runs/ann/hyper_search")).body["hyper_searches"] as Search[];
    const { runs: _runs, ...info } = search;
    expect(listed).toEqual([info]);
  });

  it("at random and bayesian begins with the key that tells its kind", async () => {
    await using world = await openWorld();
    const random = await newSearch(world, RANDOM);
    const { lr, units } = RANDOM.random_params;
    expect(Object.entries(random.parameter_spec)[0]).toEqual([
      "random_params",
      { lr: { range_spec: lr.range_spec }, units },
    ]);
    for (const run of random.runs) expect(Object.keys(run.hyper_params)).toEqual(["lr", "units"]);
    const bayesian = await newSearch(world, BAYESIAN);
    expect(bayesian.parameter_spec).toEqual({
      ...{ bayesian_params: BAYESIAN.bayesian_params, num_runs: 4, parallel_runs: 2 },
      ...{ metric: "acc", metric_aggregation: "max" },
    });
    expect(Object.keys(bayesian.parameter_spec)[0]).toBe("bayesian_params");
    expect(bayesian.runs).toHaveLength(2);
  });

  it("shows parameters under names of single records, which clients bear", async () => {
    await using world = await openWorld();
    const body = { grid_params: { model: { values: ["a"] }, key: { values: [1] } }, run: { command: ":model: :key:" } };
    expect((await newSearch(world, body)).runs[0]?.hyper_params).toEqual({ model: "a", key: 1 });
  });

  it("is made once for a repeated request", async () => {
    await using world = await openWorld();
    const headers = { "idempotency-key": "k" };
    const first = await ask(world, "runs/ann/hyper_search", { body: GRID, headers });
    expect(await ask(world, "runs/ann/hyper_search", { body: GRID, headers })).toEqual(first);
  });

  it("is stopped, killed and archived", async () => {
    await using world = await openWorld();
    const { id } = await newSearch(world, BAYESIAN);
    const path = `runs/ann/hyper_search/${id}`;
    const remove = () => ask(world, path, { method: "DELETE" });
    expect(await remove()).toMatchObject({ status: 409, body: { code: "search-active" } });
    expect(await post(world, `${path}/stop`)).toEqual({ status: 200, body: {} });
    expect((await ask(world, path)).body).toMatchObject({
      hyper_search: { status: "stopped", ended_at: time, runs: [{ status: "killed" }, { status: "killed" }] },
    });
    expect(await post(world, `${path}/kill`)).toMatchObject({ status: 409, body: { code: "search-ended" } });
    expect((await remove()).status).toBe(200);
    expect((await remove()).status).toBe(409);
    expect((await ask(world, "runs/ann/hyper_search")).body).toEqual({ hyper_searches: [] });
  });

  it("gives its metrics by run", async () => {
    await using world = await openWorld();
    const { id, runs } = await newSearch(world, GRID);
    const path = `runs/ann/hyper_search/${id}`;
    expect((await ask(world, `${path}/metric-names`)).body).toEqual({ metric_names: [] });
    expect((await ask(world, `${path}/metrics/acc`)).body).toEqual({ metrics: {} });
    const [first = 0, second = 0] = runs.map((run) => run.id);
    const at = Date.UTC(2024, 0, 31);
    const point = (index: number, value: number | string) => ({ name: "keras/val", atMs: at + index, index, value });
    await world.services.store.metrics.addBatch(first, 1, 0, [point(0, 0.5), point(1, "NaN")]);
    await world.services.store.metrics.addBatch(second, 1, 0, [point(0, 1)]);
    expect((await ask(world, `${path}/metric-names`)).body).toEqual({ metric_names: [{ name: "keras/val" }] });
    const answer = await send(world, `${path}/metrics/keras%2Fval`);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({
      metrics: {
        [first]: {
          data: [
            ["2024-01-31T00:00:00.000000Z", 0, 0.5],
            ["2024-01-31T00:00:00.001000Z", 1, "NaN"],
          ],
        },
        [second]: { data: [["2024-01-31T00:00:00.000000Z", 0, 1]] },
      },
    });
  });
});

describe("what is no search", () => {
  const grid = (lr: unknown) => ({ ...GRID, grid_params: { lr } });
  const bayesian = (lr: unknown) => ({ ...BAYESIAN, bayesian_params: { lr, units: RANGE } });
  it.each<[unknown, RegExp]>([
    [{}, /run/],
    [{ run: RUN }, /exactly one of grid_params/],
    [{ ...GRID, random_params: {}, num_runs: 1 }, /exactly one of grid_params/],
    [{ ...GRID, run: null }, /run/],
    [{ ...GRID, run: { ...RUN, command: "x" } }, /no place for the parameter "lr"/],
    [{ ...GRID, run: { ...RUN, docker_image: "x" } }, /does not offer a docker image/],
    [{ ...GRID, run: { ...RUN, idempotent: true } }, /always new ones/],
    [{ ...GRID, grid_params: {} }, /at least one parameter/],
    [{ ...GRID, grid_params: [] }, /object/],
    [grid({ values: [] }), /"lr" has no values/],
    [grid({ values: [true] }), /values/],
    [grid({ values: [[1]] }), /values/],
    [grid({ values: "abc" }), /array/],
    [grid({}), /values/],
    [grid(null), /lr/],
    [{ ...GRID, grid_params: { "a b": { values: [1] } } }, /cannot be the name/],
    [{ ...GRID, grid_params: { runs: { values: [1] } } }, /cannot be called "runs"/],
    [{ ...RANDOM, num_runs: undefined }, /num_runs is 0/],
    [{ ...RANDOM, num_runs: "2" }, /integer/],
    [{ ...RANDOM, num_runs: 1e9 }, /num_runs is 1000000000/],
    [{ ...RANDOM, random_params: { lr: {} } }, /either a value_spec or a range_spec/],
    [{ ...RANDOM, random_params: { lr: { range_spec: RANGE, value_spec: { values: [1] } } } }, /either a value_spec/],
    [{ ...RANDOM, random_params: { lr: { range_spec: { min: "0", max: 1 } } } }, /number/],
    [bayesian({ values: [1] }), /min/],
    [bayesian({ ...RANGE, min: 6 }), /smaller/],
    [bayesian({ ...RANGE, scaling: "cubic" }), /"cubic" is no scaling/],
    [bayesian({ ...RANGE, type: "bool" }), /"bool" is no type/],
    [{ ...BAYESIAN, parallel_runs: null }, /parallel_runs is 0/],
    [{ ...BAYESIAN, metric: null }, /name of the metric/],
    [{ ...BAYESIAN, metric_aggregation: "median" }, /"median" is no aggregation/],
    ['{"grid_params":{"__proto__":{"values":[1]}},"run":{"command":":__proto__:"}}', /./],
    ['{"bayesian_params":{"lr":{"min":1,"max":1e999}},"run":{"command":"x"}}', /./],
    ["[", /./],
  ])("is refused with a sentence: %j", async (body, sentence) => {
    await using world = await openWorld();
    const answer = await ask(world, "runs/ann/hyper_search", { body });
    expect(answer).toEqual({
      status: 400,
      body: { status: "error", error: expect.stringMatching(sentence), code: expect.any(String) },
    });
    expect((await ask(world, "runs/ann/hyper_search")).body).toEqual({ hyper_searches: [] });
    expect((await ask(world, "runs/ann")).body).toEqual({ runs: [] });
  });
});

describe("whose searches they are", () => {
  const routes = (owner: string, id: number | string) =>
    [
      [`runs/${owner}/hyper_search/${id}`, {}],
      [`runs/${owner}/hyper_search/${id}`, { method: "DELETE" }],
      [`runs/${owner}/hyper_search/${id}/stop`, { method: "POST" }],
      [`runs/${owner}/hyper_search/${id}/kill`, { method: "POST" }],
      [`runs/${owner}/hyper_search/${id}/metric-names`, {}],
      [`runs/${owner}/hyper_search/${id}/metrics/acc`, {}],
    ] as const;

  it("shows to others that there are none", async () => {
    await using world = await openWorld();
    const { id } = await newSearch(world, GRID);
    const creation = { body: GRID } as const;
    const base = "runs/ann/hyper_search";
    for (const [path, request] of [[base, {}], [base, creation], ...routes("ann", id)] as const) {
      const answer = await ask(world, path, { ...request, token: world.bob });
      expect(answer, path).toMatchObject({ status: 404, body: { code: "no-such-owner" } });
      expect(await ask(world, path, { ...request, token: "" }), path).toMatchObject({ status: 401 });
    }
    for (const [path, request] of routes("bob", id)) {
      const answer = await ask(world, path, { ...request, token: world.bob });
      expect(answer, path).toMatchObject({ status: 404, body: { code: "no-such-search" } });
    }
    for (const odd of ["x", "-1", "1.5", "9".repeat(16), "%00"]) {
      for (const [path, request] of routes("ann", odd)) {
        expect(await ask(world, path, request), path).toMatchObject({ status: 400, body: { code: "bad-search-id" } });
      }
    }
    expect((await ask(world, `runs/ann/hyper_search/${id}`)).body).toMatchObject({
      hyper_search: { status: "running" },
    });
  });

  it("is kept by gRPC in the same way", async () => {
    await using world = await openWorld();
    const { id } = await newSearch(world, BAYESIAN);
    const { hyper } = world;
    const absent = { code: "not-found", reason: "no-such-search" };
    await expect(call(hyper.getHyperSearch.bind(hyper), { searchId: id }, world.bob)).rejects.toMatchObject(absent);
    await expect(call(hyper.killHyperSearch.bind(hyper), { searchId: id }, world.bob)).rejects.toMatchObject(absent);
    expect(await call(hyper.listHyperSearches.bind(hyper), {}, world.bob)).toEqual({ searches: [] });
    const { search } = await call(hyper.getHyperSearch.bind(hyper), { searchId: id }, world.ann);
    expect(search).toMatchObject({
      ...{ id, command: RUN.command, machineType: "CPU", status: "running", numRuns: 4, startedAtMs: 0, endedAtMs: 0 },
      spec: {
        ...{ kind: "bayesian", numRuns: 4, parallelRuns: 2, metric: "acc", metricAggregation: "max" },
        parameters: [
          { name: "lr", from: { $case: "range", value: { ...RANGE, type: "float" } } },
          { name: "units", from: { $case: "range", value: RANGE } },
        ],
      },
      runs: [{ hyperSearchId: id }, { hyperSearchId: id }],
    });
  });

  it.each<[object, RegExp]>([
    [{}, /no kind of search/],
    [{ kind: "grid", parameters: [{ name: "lr" }] }, /neither values nor a range/],
    [
      { kind: "grid", parameters: [{ name: "lr", from: { $case: "range", value: RANGE } }] },
      /grid search needs values/,
    ],
    [{ kind: "grid", parameters: [{ name: "lr", from: { $case: "values", value: { values: [{}] } } }] }, /empty value/],
    [
      {
        kind: "bayesian",
        metricAggregation: "max",
        parameters: [{ name: "lr", from: { $case: "values", value: { values: [] } } }],
      },
      /bayesian search needs a range/,
    ],
  ])("is refused by gRPC as %j", async (search, sentence) => {
    await using world = await openWorld();
    const { hyper } = world;
    const request = {
      search: HyperSearchSpec.fromPartial(search),
      run: RunSpec.fromPartial({ command: ":lr:" }),
      clientKey: "",
    };
    const refused = call(hyper.createHyperSearch.bind(hyper), request, world.ann);
    await expect(refused).rejects.toMatchObject({ code: "invalid-input", message: expect.stringMatching(sentence) });
  });
});
