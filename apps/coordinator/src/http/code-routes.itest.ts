import { describe, expect, it } from "vitest";
import { connectAgent } from "../test-support/agent.ts";
import { ask, send } from "../test-support/api.ts";
import { makeRepository, openWorkspace, push } from "../test-support/git.ts";
import { exchange } from "../test-support/raw-http.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

const ROOT = "a".repeat(40);

const refusal = (status: number, code: string, error: RegExp = /^[A-Z"].+\.$/s) => ({
  status,
  body: { status: "error", error: expect.stringMatching(error) as unknown, code },
});

const put = (world: World, body: unknown, owner = "ann", token = world.ann) =>
  ask(world, `workspaces/${owner}`, { method: "PUT", body, token });

describe("workspaces", () => {
  it("are made, renamed, listed, found by name and removed", async () => {
    await using world = await openWorld();
    const made = await put(world, { root_commit: ROOT, name: "code", description: "mine" });
    const at = expect.stringMatching(/^20\d\d-.*\.\d{6}Z$/) as unknown;
    const host = new URL(world.api).host;
    const shown = {
      ...{ id: 1, name: "code", description: "mine", root_commit: ROOT, created_at: at, updated_at: at },
      git_remote_url: `http://${host}/git/1.git`,
      creator: expect.objectContaining({ user_name: "ann", email: "ann@example.org" }) as unknown,
    };
    const login = new RegExp(`^http://ann:spell_push_1_\\d+_[0-9a-f]{64}@${host}/git/1\\.git$`);
    expect(made).toEqual({
      status: 200,
      body: { workspace: { ...shown, git_remote_url: expect.stringMatching(login) } },
    });
    await put(world, { root_commit: "b".repeat(40), name: "other" });
    await put(world, { root_commit: ROOT, name: "new name", description: "" });
    const renamed = { ...shown, name: "new name" };
    expect((await ask(world, "workspaces/ann")).body).toMatchObject({
      workspaces: [renamed, { id: 2, name: "other" }],
    });
    expect((await ask(world, "workspaces/ann?name=new%20name")).body).toEqual({ workspaces: [renamed] });
    expect((await ask(world, "workspaces/ann?name=code")).body).toEqual({ workspaces: [] });
    expect((await ask(world, "workspaces/ann/1")).body).toEqual({ workspace: renamed });
    expect(await ask(world, "workspaces/ann/1", { method: "DELETE" })).toEqual({ status: 200, body: {} });
    expect(await ask(world, "workspaces/ann/1")).toEqual(refusal(404, "no-such-workspace"));
    expect(await ask(world, "workspaces/ann/1", { method: "DELETE" })).toEqual(refusal(404, "no-such-workspace"));
  });

  it("are pushed to on the address by which the client reached us", async () => {
    await using world = await openWorld();
    await put(world, { root_commit: ROOT, name: "code" });
    const urlFor = async (headers: Record<string, string>): Promise<string> => {
      const { port } = new URL(world.api);
      const lines = Object.entries({ ...headers, authorization: `Bearer ${world.ann}`, connection: "close" });
      const head = lines.map(([name, value]) => `${name}: ${value}`).join("\r\n");
      const answer = await exchange(world, `GET /v1/workspaces/ann/1 HTTP/1.1\r\n${head}\r\n\r\n`);
      return (/"git_remote_url":"([^"]*)"/.exec(answer)?.[1] ?? answer).replace(port, "PORT");
    };
    expect(await urlFor({ host: "spell.example:9999" })).toBe("http://spell.example:9999/git/1.git");
    expect(await urlFor({ host: "spell.example" })).toBe("http://spell.example/git/1.git");
    expect(await urlFor({ host: "[::1]:80" })).toMatch(/^http:\/\/\[::1\](:80)?\/git\/1\.git$/);
    expect(await urlFor({ host: "spell.example", "x-forwarded-proto": "https" })).toBe(
      "https://spell.example/git/1.git",
    );
    expect(await urlFor({ host: "a b" })).toBe("http://127.0.0.1:PORT/git/1.git");
    expect(await urlFor({ host: "me:pw@evil" })).toBe("http://127.0.0.1:PORT/git/1.git");
  });

  it("are their owner's alone, and well formed", async () => {
    await using world = await openWorld();
    await put(world, { root_commit: ROOT, name: "code" });
    for (const method of ["GET", "DELETE"]) {
      const other = await ask(world, "workspaces/bob/1", { method, token: world.bob });
      expect(other).toEqual(refusal(404, "no-such-workspace"));
      expect(await ask(world, "workspaces/ann/1", { method, token: world.bob })).toEqual(refusal(404, "no-such-owner"));
    }
    expect((await ask(world, "workspaces/bob", { token: world.bob })).body).toEqual({ workspaces: [] });
    expect(await put(world, { root_commit: ROOT, name: "x" }, "ann", world.bob)).toEqual(refusal(404, "no-such-owner"));
    for (const id of ["x", "1.5", "-1", "1e3", "9".repeat(16)]) {
      expect(await ask(world, `workspaces/ann/${id}`), id).toEqual(refusal(400, "bad-workspace-id"));
    }
    for (const root_commit of ["", "HEAD", "--all", "a".repeat(39), "g".repeat(40), `${ROOT}\n`]) {
      expect(await put(world, { root_commit, name: "x" }), root_commit).toEqual(refusal(400, "bad-commit"));
    }
    for (const name of ["", "..", ".", "a/b", ".git", "a\n", "a\0", "x".repeat(256)]) {
      expect(await put(world, { root_commit: ROOT, name }), name).toEqual(refusal(400, "bad-code-root"));
    }
    const long = { root_commit: ROOT, name: "x", description: "x".repeat(10_001) };
    expect(await put(world, long)).toEqual(refusal(400, "too-long"));
    for (const body of [
      {},
      { root_commit: 1, name: "x" },
      { root_commit: ROOT },
      { root_commit: ROOT, name: null },
      [],
      1,
    ]) {
      expect((await put(world, body)).status, JSON.stringify(body)).toBe(400);
    }
  });
});

describe("a run of pushed code", () => {
  it("gets the commit's tree, and twice the same one", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    await using repository = await makeRepository();
    const commit = await repository.commit({ "train.py": "print(1)\n", "sub/x": "x" });
    const { id, url } = await openWorkspace(world, repository);
    await push(repository, url, commit);
    const body = {
      ...{ command: "python x", workspace_id: id, git_commit_hash: commit, uncommitted_hash: null },
      ...{ root_directory: "code", cwd: "sub", workspace_remote_url: "git@example.org:x.git", github_url: null },
    };
    const created = await ask(world, "runs/ann", { body });
    expect(created).toMatchObject({ status: 200, body: { run: { git_commit_hash: commit, github_url: null } } });
    expect(created.body).toMatchObject({ run: { workspace: { id, name: "code", creator: { user_name: "ann" } } } });
    expect(JSON.stringify(created.body)).not.toContain("spell_push_");
    const { id: runId } = created.body["run"] as { id: number };
    const { spec } = await agent.stream.attemptOf(runId);
    expect(spec).toMatchObject({ codeRoot: "code", cwd: "sub", command: "python x" });
    const again = await ask(world, "runs/ann", { body: { ...body, idempotent: true } });
    expect(again.body).toMatchObject({ already_existed: true, run: { id: runId } });
    const listed = await ask(world, `runs/ann?workspace_id=${id}`);
    expect(listed.body).toMatchObject({ runs: [{ id: runId }] });
    expect((await ask(world, `runs/ann?workspace_id=${id + 1}`)).body).toEqual({ runs: [] });
  });

  it("is refused when the commit is not there, in one clear sentence", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ a: "1" });
    const { id } = await openWorkspace(world, repository);
    const create = (body: Record<string, unknown>) => ask(world, "runs/ann", { body: { command: "true", ...body } });
    const code = { workspace_id: id, git_commit_hash: commit };
    expect(await create(code)).toEqual(
      refusal(400, "no-such-commit", /^Commit [0-9a-f]{40} was not pushed to workspace 1/),
    );
    expect(await create({ ...code, workspace_id: 99 })).toEqual(refusal(404, "no-such-workspace"));
    expect(await create({ git_commit_hash: commit })).toEqual(refusal(400, "no-workspace"));
    expect(await create({ workspace_id: id })).toEqual(refusal(400, "bad-commit"));
    expect(await create({ ...code, root_directory: "../x" })).toEqual(refusal(400, "bad-code-root"));
    expect(await create({ github_url: "file:///etc" })).toEqual(refusal(400, "bad-git-url"));
    expect((await create({ workspace_id: "1" })).status).toBe(400);
  });
});

describe("workflows", () => {
  it("of the historical command line: labels are the commits that were pushed", async () => {
    await using world = await openWorld();
    await using repository = await makeRepository();
    const commit = await repository.commit({ "workflow.py": "1" });
    const { id, url } = await openWorkspace(world, repository);
    await push(repository, url, commit);
    const body = {
      run: {
        command: "python workflow.py",
        run_type: "workflow",
        gpu: "CPU",
        workspace_id: id,
        git_commit_hash: commit,
      },
      workspace_specs: {
        "char-rnn": { workspace_id: id, commit_hash: commit },
        runs: { workspace_id: id, commit_hash: commit },
      },
      github_specs: {},
    };
    const { status, body: made } = await ask(world, "workflows/ann", { body });
    expect(status).toBe(200);
    const specs = { "char-rnn": { workspace_id: id, commit_hash: commit } };
    expect(made).toMatchObject({
      workflow: { id: 1, workspace_specs: specs, managing_run: { id: 1, command: "python workflow.py" } },
    });
    // The historical decoder would take the label for runs.
    expect(JSON.stringify(made)).not.toContain('"runs":{');
    const child = await ask(world, "runs/ann", { body: { command: "true", workflow_id: 1, commit_label: "char-rnn" } });
    expect(child.body).toMatchObject({ run: { workflow_id: 1, git_commit_hash: commit } });
    const got = await ask(world, "workflows/ann/1");
    expect(got.body).toMatchObject({ workflow: { id: 1, workspace_specs: specs, runs: [{ id: 2 }] } });
  });

  it("without a master run take runs too, and are archived with them", async () => {
    await using world = await openWorld();
    const made = await ask(world, "workflows/ann", { body: { run: null, workspace_specs: null, github_specs: null } });
    expect(made).toEqual({
      status: 200,
      body: {
        workflow: { id: 1, workspace_specs: {}, github_specs: {}, labels: [], managing_run: null, runs: [] },
      },
    });
    const child = await ask(world, "runs/ann", { body: { command: "true", workflow_id: 1 } });
    expect(child.body).toMatchObject({ run: { id: 1, workflow_id: 1 } });
    const remove = () => ask(world, "workflows/ann/1", { method: "DELETE" });
    expect(await remove()).toEqual(refusal(409, "workflow-active", /stop or kill the workflow/));
    expect((await ask(world, "workflows/ann/1/kill", { method: "POST" })).status).toBe(200);
    expect(await remove()).toEqual({ status: 200, body: {} });
    expect(await remove()).toEqual(refusal(404, "no-such-workflow"));
    expect((await ask(world, "runs/ann")).body).toEqual({ runs: [] });
    const late = await ask(world, "runs/ann", { body: { command: "true", workflow_id: 1 } });
    expect(late).toEqual(refusal(404, "no-such-workflow"));
  });

  it("are refused for labels that cannot be, and for other people", async () => {
    await using world = await openWorld();
    const create = (body: unknown, token = world.ann) => ask(world, "workflows/ann", { body, token });
    const spec = { workspace_id: 1, commit_hash: ROOT };
    expect(await create({ workspace_specs: { a: spec } })).toEqual(refusal(404, "no-such-workspace"));
    expect(await create({ github_specs: { a: { url: "ext::sh -c id" } } })).toEqual(refusal(400, "bad-git-url"));
    const both = { workspace_specs: { a: spec }, github_specs: { a: { url: "https://h/x" } } };
    expect((await create(both)).status).toBeGreaterThanOrEqual(400);
    expect(await create({ run: { command: "" } })).toEqual(refusal(400, "empty-command"));
    for (const bad of [
      { run: 1 },
      { run: [] },
      { workspace_specs: [] },
      { workspace_specs: { a: {} } },
      { github_specs: { a: 1 } },
    ]) {
      expect((await create(bad)).status, JSON.stringify(bad)).toBe(400);
    }
    expect(await create({ run: null }, world.bob)).toEqual(refusal(404, "no-such-owner"));
    expect((await send(world, "workflows/ann", { body: "{", method: "POST" })).status).toBe(400);
    expect(await ask(world, "workflows/bob/1", { method: "DELETE", token: world.bob })).toEqual(
      refusal(404, "no-such-workflow"),
    );
  });
});
