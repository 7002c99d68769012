import { describe, expect, it } from "vitest";
import { newToken } from "@spell/run-lifecycle";
import { RunSpec } from "@spell/rpc";
import { connectAgent, report } from "../test-support/agent.ts";
import { ask, newRun, post } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

const refusal = (status: number, code: string, error: RegExp = /^[A-Z].+\.$/s) => ({
  status,
  body: { status: "error", error: expect.stringMatching(error), code },
});

async function newWorkflow(world: World): Promise<{ id: number; masterId: number }> {
  const { workflows } = world;
  const spec = RunSpec.fromPartial({ command: "python workflow.py" });
  const request = { spec, labels: [], clientKey: "", local: false };
  const { workflow } = await call(workflows.createWorkflow.bind(workflows), request, world.ann);
  return { id: workflow?.id ?? 0, masterId: workflow?.managingRun?.id ?? 0 };
}

/** Every route that names an owner and a thing of theirs. */
const routesOf = (owner: string, runId: number, workflowId: number) =>
  [
    [`runs/${owner}/${runId}`, {}],
    [`runs/${owner}/${runId}/stop`, { method: "POST" }],
    [`runs/${owner}/${runId}/kill`, { method: "POST" }],
    [`runs/${owner}/${runId}/logs`, { body: { follow: true, offset: 0 } }],
    [`runs/${owner}/${runId}/wait_status`, { body: { statuses: ["complete"] } }],
    [`runs/${owner}/${runId}/user-metrics`, { body: { metrics: [{ name: "loss" }] } }],
    [`runs/${owner}/${runId}/wait_metric`, { body: { metric_name: "loss", condition: "lt", value: 1 } }],
    [`runs/${owner}/${runId}/stats`, { body: { follow: false } }],
    [`workflows/${owner}/${workflowId}`, {}],
    [`workflows/${owner}/${workflowId}/stop`, { method: "POST" }],
    [`workflows/${owner}/${workflowId}/kill`, { method: "POST" }],
  ] as const;
const routesOfOwner = (owner: string) =>
  [
    [`runs/${owner}`, {}],
    [`runs/${owner}`, { body: { command: "true" } }],
    [`supported_options/${owner}/machine_types`, {}],
  ] as const;

describe("who may ask", () => {
  it("nobody without a token that is known", async () => {
    await using world = await openWorld();
    const { joinToken } = await call(world.accounts.createJoinToken.bind(world.accounts), {}, world.ann);
    const routes = [["users/me", {}], ...routesOfOwner("ann"), ...routesOf("ann", 1, 1)] as const;
    for (const [path, request] of routes) {
      expect(await ask(world, path, { ...request, token: "" }), path).toEqual(refusal(401, "no-token"));
      for (const token of [newToken("user"), joinToken, "x", "spell_run_1_1_00"]) {
        expect(await ask(world, path, { ...request, token }), path).toEqual(refusal(401, "bad-token"));
      }
    }
    for (const authorization of ["Bearer", "Bearer ", `Basic ${world.ann}`, `Bearer ${world.ann} x`, world.ann]) {
      const answer = await ask(world, "users/me", { token: "", headers: { authorization } });
      expect(answer).toEqual(refusal(401, "no-token"));
    }
  });

  it("no agent", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    for (const path of ["users/me", "runs/ann", "workflows/ann/1", "supported_options/ann/machine_types"]) {
      expect(await ask(world, path, { token: agent.token })).toEqual(refusal(403, "forbidden"));
    }
  });

  it("a user for their own: what others have looks absent", async () => {
    await using world = await openWorld();
    const id = await newRun(world);
    const workflow = await newWorkflow(world);
    for (const [path, request] of [...routesOfOwner("ann"), ...routesOf("ann", id, workflow.id)]) {
      const answer = await ask(world, path, { ...request, token: world.bob });
      expect(answer, path).toEqual(refusal(404, "no-such-owner"));
    }
    for (const [path, request] of routesOf("bob", id, workflow.id)) {
      const answer = await ask(world, path, { ...request, token: world.bob });
      expect(answer, path).toEqual(refusal(404, path.startsWith("runs") ? "no-such-run" : "no-such-workflow"));
      // The same as for what was never there.
      const absent = path.replace(/\d+/, "99");
      const never = await ask(world, absent, { ...request, token: world.bob });
      expect(never).toEqual({ ...answer, body: { ...answer.body, error: expect.stringMatching(/ 99\.$/) } });
    }
    expect((await ask(world, `runs/ann/${id}`)).body).toMatchObject({ run: { status: "machine_requested" } });
    expect((await ask(world, "runs/bob", { token: world.bob })).body).toEqual({ runs: [] });
  });
});

it("a run is told of all coordinators, and programs that know of one, of one", async () => {
  await using world = await openWorld();
  using agent = await connectAgent(world);
  const { addresses } = world.services;
  addresses.all = [
    { coordinator: "a:7800", api: "http://a:7801" },
    { coordinator: "b:7800", api: "http://b:7801" },
  ];
  const { spec } = await agent.stream.attemptOf(await newRun(world));
  expect(spec?.environment).toMatchObject({
    ...{ SPELL_COORDINATOR: "a:7800,b:7800", SPELL_BASE_URLS: "http://a:7801,http://b:7801" },
    ...{ SPELL_BASE_URL: world.api, SPELL_API_URL: world.api },
  });
  expect(agent.stream.responses.at(-1)?.coordinators).toEqual(["a:7800", "b:7800"]);
});

describe("the token of a run", () => {
  it("steers its own workflow and reads its owner's runs, for as long as its attempt lasts", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const outside = await newRun(world, { environment_vars: { KEY: "secret" } });
    const other = await newWorkflow(world);
    const { id, masterId } = await newWorkflow(world);
    const { lease, spec } = await agent.stream.attemptOf(masterId);
    const environment = spec?.environment ?? {};
    expect(environment).toEqual({
      ...{ SPELL_RUN: "1", SPELL_RUN_ID: `${masterId}`, SPELL_WORKFLOW_ID: `${id}`, SPELL_OWNER: "ann" },
      ...{ SPELL_BASE_URL: world.api, SPELL_API_URL: world.api, SPELL_COORDINATOR: world.grpc },
      SPELL_TOKEN: expect.stringMatching(/^spell_run_/),
    });
    const token = environment["SPELL_TOKEN"] ?? "";
    expect((await ask(world, "users/me", { token })).body).toMatchObject({ user: { user_name: "ann" } });
    const created = await ask(world, "runs/ann", { body: { command: "true" }, token });
    expect(created.body["run"]).toMatchObject({ workflow_id: id });
    const worker = (created.body["run"] as { id: number }).id;
    const listed = (await ask(world, "runs/ann", { token })).body["runs"] as { id: number }[];
    expect(listed.map((run) => run.id)).toEqual([worker, masterId, other.masterId, outside]);
    expect((await ask(world, `workflows/ann/${id}`, { token })).body).toMatchObject({
      workflow: { id, managing_run: { id: masterId }, runs: [{ id: worker }] },
    });

    for (const [path, request] of routesOf("ann", outside, other.id)) {
      if (/logs|wait_|metrics|stats/.test(path) || path === `runs/ann/${outside}`) continue;
      const expected = path.startsWith("runs") ? refusal(403, "forbidden") : refusal(404, "no-such-workflow");
      expect(await ask(world, path, { ...request, token }), path).toEqual(expected);
    }
    expect((await ask(world, `runs/ann/${outside}`, { token })).body).toMatchObject({
      run: { id: outside, environment_vars: {} },
    });
    const intruding = { body: { command: "true", workflow_id: other.id }, token };
    expect(await ask(world, "runs/ann", intruding)).toEqual(refusal(403, "forbidden"));
    const forged = token.replace(`_${masterId}_`, `_${outside}_`);
    expect(await ask(world, "users/me", { token: forged })).toEqual(refusal(401, "bad-token"));

    await agent.stream.ask({ attempts: [report(lease, ["running"], { cause: "exit", exitCode: 0 })] });
    expect(await ask(world, "users/me", { token })).toEqual(refusal(401, "bad-token"));
  });

  it("outside a workflow steers that run alone", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const [id, sibling] = [await newRun(world), await newRun(world)];
    const token = (await agent.stream.attemptOf(id)).spec?.environment["SPELL_TOKEN"] ?? "";
    expect((await ask(world, "runs/ann", { token })).body).toMatchObject({ runs: [{ id: sibling }, { id }] });
    expect((await ask(world, `runs/ann/${id}`, { token })).status).toBe(200);
    expect(await post(world, `runs/ann/${sibling}/kill`, token)).toEqual(refusal(403, "forbidden"));
  });
});

describe("workflows", () => {
  it.each(["stop", "kill"])("%s ends all runs, once", async (verb) => {
    await using world = await openWorld();
    const { id, masterId } = await newWorkflow(world);
    const worker = await newRun(world, { workflow_id: id });
    expect((await ask(world, `workflows/ann/${id}`)).body).toMatchObject({
      workflow: { id, workspace_specs: {}, labels: [], managing_run: { id: masterId }, runs: [{ id: worker }] },
    });
    expect(await post(world, `workflows/ann/${id}/${verb}`)).toEqual({ status: 200, body: {} });
    for (const runId of [masterId, worker]) {
      expect((await ask(world, `runs/ann/${runId}`)).body).toMatchObject({ run: { status: "killed" } });
    }
    expect(await post(world, `workflows/ann/${id}/${verb}`)).toEqual(refusal(409, "workflow-ended"));
  });
});

describe("what else the clients read", () => {
  it("the caller", async () => {
    await using world = await openWorld();
    const at = "1970-01-01T00:00:00.001000Z";
    const name = { user_name: "bob", email: "bob@example.org", full_name: "bob" };
    const user = { ...name, created_at: at, updated_at: at, last_logged_in: null };
    expect(await ask(world, "users/me", { token: world.bob })).toEqual({ status: 200, body: { user } });
  });

  it("the machine types, CPU first whatever there is", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    await agent.stream.ask({ machineTypes: ["V100", "cpu"].map((name) => ({ name, slots: 1 })) });
    const { body } = await ask(world, "supported_options/ann/machine_types");
    expect(body).toEqual({ options: { values: ["CPU", "K80", "V100"], default: "CPU" } });
  });

  it("whether the coordinator lives and serves", async () => {
    await using world = await openWorld();
    const get = async (path: string) => (await fetch(`${world.api}${path}`)).status;
    expect([await get("/healthz"), await get("/readyz")]).toEqual([200, 200]);
    world.ready = false;
    expect([await get("/healthz"), await get("/readyz")]).toEqual([200, 503]);
  });
});
