import { describe, expect, it } from "vitest";
import { connectAgent, report } from "../test-support/agent.ts";
import { ask, newRun, post } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

const refusal = (status: number, code: string) => ({
  status,
  body: { status: "error", error: expect.stringMatching(/^[A-Z].+\.$/s), code },
});
const OK = { status: 200, body: {} };
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

async function newProject(world: World, body: object = { name: "Speech" }): Promise<number> {
  const answer = await ask(world, "projects/ann", { body });
  expect(answer.status).toBe(200);
  return (answer.body["spell_project"] as { id: number }).id;
}

async function listed(world: World, query = ""): Promise<string[]> {
  const answer = await ask(world, `projects/ann${query}`);
  return (answer.body["spell_projects"] as { name: string }[]).map(({ name }) => name);
}

describe("a project", () => {
  it("is made, listed, found, edited, archived and taken back", async () => {
    await using world = await openWorld();
    const made = await ask(world, "projects/ann", { body: { name: "Speech", description: "what we say" } });
    const facts = {
      ...{ id: expect.any(Number), name: "Speech", description: "what we say", archived_at: null },
      ...{ creator: expect.objectContaining({ user_name: "ann" }), created_at: TIME, updated_at: TIME },
      ...{ total_run_count: 0, active_run_count: 0, total_runtime_seconds: 0 },
    };
    expect(made).toEqual({ status: 200, body: { spell_project: facts } });
    const { id } = made.body["spell_project"] as { id: number };
    await newProject(world, { name: "audio", description: null, run_ids: null });
    expect(await listed(world)).toEqual(["audio", "Speech"]);
    expect((await ask(world, `projects/ann/${id}`)).body).toEqual({ spell_project: facts });

    const edit = { method: "PATCH", body: { name: null, description: "" } };
    expect((await ask(world, `projects/ann/${id}`, edit)).body).toMatchObject({
      spell_project: { name: "Speech", description: "" },
    });
    expect((await ask(world, `projects/ann/${id}`, { method: "DELETE" })).body).toMatchObject({
      spell_project: { archived_at: TIME },
    });
    expect(await ask(world, `projects/ann/${id}`, { method: "DELETE" })).toEqual(refusal(409, "project-archived"));
    expect([await listed(world, "?archived=False"), await listed(world, "?archived=True")]).toEqual([
      ...[["audio"], ["Speech"]],
    ]);
    const back = { body: { project_id: id } };
    expect((await ask(world, "projects/ann/unarchive", back)).status).toBe(200);
    expect(await ask(world, "projects/ann/unarchive", back)).toEqual(refusal(409, "project-not-archived"));
    expect(await listed(world)).toEqual(["audio", "Speech"]);
  });

  it("shares its name with no other of its owner, whatever the letter case", async () => {
    await using world = await openWorld();
    const id = await newProject(world);
    expect(await ask(world, "projects/ann", { body: { name: "SPEECH" } })).toEqual(refusal(409, "project-exists"));
    const other = await newProject(world, { name: "other" });
    const rename = { method: "PATCH", body: { name: "speech" } };
    expect(await ask(world, `projects/ann/${other}`, rename)).toEqual(refusal(409, "project-exists"));
    expect((await ask(world, `projects/ann/${id}`, rename)).body).toMatchObject({ spell_project: { name: "speech" } });
    await ask(world, `projects/ann/${id}`, { method: "DELETE" });
    const again = await ask(world, "projects/ann", { body: { name: "Speech" } });
    expect(again).toMatchObject({
      status: 409,
      body: { error: 'You have an archived project named "speech" already.' },
    });
    const bobs = await ask(world, "projects/bob", { body: { name: "Speech" }, token: world.bob });
    expect(bobs.status).toBe(200);
  });

  it.each([
    [{ name: "" }, "bad-name"],
    [{ name: "a\nb" }, "bad-name"],
    [{ name: "x".repeat(256) }, "bad-name"],
    [{ name: null }, "bad-request"],
    [{ name: 7 }, "bad-request"],
    [{ name: "p", description: "x".repeat(5_000) }, "bad-description"],
    [{ name: "p", run_ids: ["x"] }, "bad-request"],
    [{ name: "p", run_ids: [1.5] }, "bad-request"],
    [{ name: "p", run_ids: [-1] }, "bad-request"],
    [{ name: "p", run_ids: [1e300] }, "bad-request"],
  ])("is refused with %j", async (body, code) => {
    await using world = await openWorld();
    const answer = await ask(world, "projects/ann", { body });
    expect(answer).toMatchObject({ status: 400, body: { status: "error", error: expect.any(String), code } });
    expect(await listed(world)).toEqual([]);
  });
});

describe("runs", () => {
  it("are made in a project, listed by it, and say which", async () => {
    await using world = await openWorld();
    const id = await newProject(world);
    const inside = await newRun(world, { project_id: id });
    const outside = await newRun(world);
    expect((await ask(world, `runs/ann/${inside}`)).body).toMatchObject({
      run: { spell_project: { id, name: "Speech" } },
    });
    expect((await ask(world, `runs/ann/${outside}`)).body).toMatchObject({ run: { spell_project: null } });
    const ids = async (query: string) => {
      const { body } = await ask(world, `runs/ann${query}`);
      return (body["runs"] as { id: number }[]).map((run) => run.id);
    };
    expect(await ids(`?project_id=${id}&show_uncategorized=False`)).toEqual([inside]);
    expect(await ids("?show_uncategorized=True")).toEqual([outside, inside]);
    expect((await ask(world, `projects/ann/${id}`)).body).toMatchObject({
      spell_project: { total_run_count: 1, active_run_count: 1 },
    });
    await post(world, `runs/ann/${inside}/kill`);
    expect((await ask(world, `projects/ann/${id}`)).body).toMatchObject({ spell_project: { active_run_count: 0 } });
  });

  it("are put in and taken out later, all or none", async () => {
    await using world = await openWorld();
    const [one, two] = [await newRun(world), await newRun(world)];
    const first = await newProject(world, { name: "first", run_ids: [one] });
    const second = await newProject(world, { name: "second" });
    const runsOf = (id: number, method: string, runIds: unknown) =>
      ask(world, `projects/ann/${id}/runs`, { method, body: { run_ids: runIds } });
    expect(await runsOf(second, "POST", [two, one])).toEqual(refusal(409, "run-in-project"));
    expect(await runsOf(second, "DELETE", [two])).toEqual(refusal(409, "run-not-in-project"));
    expect(await runsOf(first, "DELETE", [one, two])).toEqual(refusal(409, "run-not-in-project"));
    expect(await runsOf(first, "DELETE", [one])).toEqual(OK);
    expect(await runsOf(second, "POST", [one, two])).toEqual(OK);
    expect(await runsOf(second, "POST", [99])).toEqual(refusal(404, "no-such-run"));
    expect(await runsOf(second, "POST", [])).toEqual(OK);
    expect((await runsOf(second, "POST", "all")).status).toBe(400);
    await ask(world, `projects/ann/${second}`, { method: "DELETE" });
    expect(await runsOf(second, "POST", [one])).toEqual(refusal(409, "project-archived"));
    expect(await ask(world, "runs/ann", { body: { command: "true", project_id: second } })).toEqual(
      refusal(409, "project-archived"),
    );
  });

  it("that run on lose no change", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const run = await newRun(world);
    const { lease } = await agent.stream.attemptOf(run);
    const id = await newProject(world, { name: "late", run_ids: [run] });
    await agent.stream.ask({ attempts: [report(lease, ["running"], { cause: "exit", exitCode: 0 })] });
    expect((await ask(world, `runs/ann/${run}`)).body).toMatchObject({
      run: { status: "complete", spell_project: { id } },
    });
  });
});

describe("others", () => {
  it("see no project of Ann's, nor put their runs into one, nor hers into theirs", async () => {
    await using world = await openWorld();
    const id = await newProject(world, { name: "secret", run_ids: [await newRun(world)] });
    const run = await newRun(world);
    const token = world.bob;
    const routes = [
      ["", {}],
      ["", { method: "PATCH", body: { name: "stolen" } }],
      ["", { method: "DELETE" }],
      ["/runs", { body: { run_ids: [] } }],
      ["/runs", { method: "DELETE", body: { run_ids: [] } }],
    ] as const;
    for (const [path, request] of routes) {
      expect(await ask(world, `projects/bob/${id}${path}`, { ...request, token })).toEqual(
        refusal(404, "no-such-project"),
      );
      expect(await ask(world, `projects/ann/${id}${path}`, { ...request, token })).toEqual(
        refusal(404, "no-such-owner"),
      );
      expect(await ask(world, `projects/ann/${id}${path}`, { ...request, token: "" })).toEqual(
        refusal(401, "no-token"),
      );
    }
    const unarchive = { body: { project_id: id }, token };
    expect(await ask(world, "projects/bob/unarchive", unarchive)).toEqual(refusal(404, "no-such-project"));
    expect(await ask(world, "projects/bob", { token })).toEqual({ status: 200, body: { spell_projects: [] } });
    expect(await ask(world, "projects/bob", { body: { name: "p", run_ids: [run] }, token })).toEqual(
      refusal(404, "no-such-run"),
    );
    expect(await ask(world, "runs/bob", { body: { command: "true", project_id: id }, token })).toEqual(
      refusal(404, "no-such-project"),
    );
    expect((await ask(world, `runs/bob?project_id=${id}`, { token })).body).toEqual({ runs: [] });
    expect(await listed(world)).toEqual(["secret"]);
    for (const bad of ["x", "-1", "1e3", "9".repeat(30)]) {
      expect(await ask(world, `projects/ann/${bad}`)).toEqual(refusal(400, "bad-id"));
    }
  });

  it("a run may name its owner's projects and change none", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const id = await newProject(world);
    const token = (await agent.stream.attemptOf(await newRun(world))).spec?.environment["SPELL_TOKEN"] ?? "";
    expect((await ask(world, "projects/ann", { token })).body).toMatchObject({ spell_projects: [{ id }] });
    expect((await ask(world, `projects/ann/${id}`, { token })).status).toBe(200);
    const routes = [
      ["projects/ann", { body: { name: "more" } }],
      [`projects/ann/${id}`, { method: "PATCH", body: { name: "other" } }],
      [`projects/ann/${id}`, { method: "DELETE" }],
      ["projects/ann/unarchive", { body: { project_id: id } }],
      [`projects/ann/${id}/runs`, { body: { run_ids: [] } }],
      [`projects/ann/${id}/runs`, { method: "DELETE", body: { run_ids: [] } }],
    ] as const;
    for (const [path, request] of routes) {
      expect(await ask(world, path, { ...request, token }), path).toEqual(refusal(403, "users-only"));
    }
  });
});

it("over gRPC projects are the same", async () => {
  await using world = await openWorld();
  const { projects, runs } = world;
  const run = await newRun(world);
  const request = { name: "Speech", description: "", runIds: [run] };
  const { project } = await call(projects.createProject.bind(projects), request, world.ann);
  const projectId = project?.id ?? 0;
  expect(project).toMatchObject({ name: "Speech", owner: "ann", totalRunCount: 1, activeRunCount: 1, archivedAtMs: 0 });
  await expect(call(projects.createProject.bind(projects), request, world.ann)).rejects.toMatchObject({
    ...{ code: "already-exists", reason: "project-exists" },
  });
  const edited = { projectId, name: "Voice", description: undefined };
  await call(projects.editProject.bind(projects), edited, world.ann);
  await call(projects.removeProjectRuns.bind(projects), { projectId, runIds: [run] }, world.ann);
  await call(projects.addProjectRuns.bind(projects), { projectId, runIds: [run] }, world.ann);
  const page = { pageSize: 0, beforeId: 0, labels: [], projectId, workspaceIds: [], repository: "" };
  expect((await call(runs.listRuns.bind(runs), page, world.ann)).runs).toMatchObject([{ id: run, projectId }]);
  await call(projects.archiveProject.bind(projects), { projectId }, world.ann);
  const list = (archived: boolean) => call(projects.listProjects.bind(projects), { archived }, world.ann);
  expect([(await list(false)).projects, (await list(true)).projects]).toMatchObject([[], [{ name: "Voice" }]]);
  await call(projects.unarchiveProject.bind(projects), { projectId }, world.ann);
  const missing = { code: "not-found", reason: "no-such-project" };
  await expect(call(projects.getProject.bind(projects), { projectId }, world.bob)).rejects.toMatchObject(missing);
  await expect(call(projects.archiveProject.bind(projects), { projectId }, world.bob)).rejects.toMatchObject(missing);
});
