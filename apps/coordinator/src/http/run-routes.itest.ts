import { describe, expect, it } from "vitest";
import { connectAgent, report } from "../test-support/agent.ts";
import { ask, newRun, post, waitForStatus } from "../test-support/api.ts";
import { commitFiles } from "../test-support/trees.ts";
import { openWorld } from "../test-support/world.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const ANN = {
  ...{ user_name: "ann", full_name: "ann", email: "ann@example.org" },
  ...{ created_at: "1970-01-01T00:00:00.001000Z", updated_at: "1970-01-01T00:00:00.001000Z", last_logged_in: null },
};

/** What the historical client sends when nothing is asked for but a command. */
const UNUSED = {
  ...{ command: "true", gpu: null, git_commit_hash: null, uncommitted_hash: null, workspace_id: null },
  ...{ workspace_remote_url: null, root_directory: null, cwd: null, commit_label: null, workflow_id: null },
  ...{ github_url: null, github_ref: null, description: null, labels: null, environment_vars: null },
  ...{ attached_resources: null, docker_image: null, pip_packages: [], apt_packages: [], pip_env_packages: [] },
  ...{ requirements_file: null, conda_file: null, params: {}, stop_conditions: null, timeout_minutes: null },
  ...{ distributed: null, project_id: null, auto_resume: null, idempotent: false, run_type: "user" },
  ...{ tensorboard_directory: null, provider: null, node_group: null },
};

describe("creating a run", () => {
  it("takes every field of the historical client that is not used", async () => {
    await using world = await openWorld();
    const { status, body } = await ask(world, "runs/ann", { body: UNUSED });
    expect(status).toBe(200);
    expect(body).toEqual({
      already_existed: false,
      run: {
        ...{ id: 1, status: "machine_requested", reason_code: "", reason: "", user_exit_code: null },
        ...{ command: "true", gpu: "CPU", git_commit_hash: "", description: "", docker_image: null, creator: ANN },
        ...{ labels: [], environment_vars: {}, attached_resources: {}, pip_packages: [], apt_packages: [] },
        ...{
          retry: null,
          resumed_as_run: null,
          resumed_from_run: null,
          attempt: 0,
          not_before: null,
          hyper_params: {},
          github_url: null,
          timeout_minutes: null,
          archived_at: null,
          spell_project: null,
        },
        ...{ created_at: expect.stringMatching(TIME), started_at: null, ended_at: null, workflow_id: null },
      },
    });
  });

  it("queues what was asked for", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const { stream } = agent;
    const outputTree = await commitFiles(world, { "model.bin": "weights" });
    const source = await newRun(world);
    const { lease } = await stream.attemptOf(source);
    stream.say({ attempts: [report(lease, ["running"], { cause: "exit", exitCode: 0, outputTree })] });
    await waitForStatus(world, source, "complete");
    const { body } = await ask(world, "runs/ann", {
      body: {
        ...{ command: "python train.py", gpu: "k80", description: "first try", labels: ["a", "b"], run_type: "user" },
        environment_vars: { A: "1", keys: "of no other type", runs: "2" },
        attached_resources: {
          [`runs/${source}`]: { mount_point: "/data" },
          [`runs/${source}/model.bin`]: { mount_point: null },
        },
      },
    });
    const run = body["run"] as { id: number };
    expect(run).toMatchObject({
      ...{ command: "python train.py", gpu: "K80", description: "first try" },
      labels: [
        { name: "a", background_color_hex: 0 },
        { name: "b", background_color_hex: 0 },
      ],
      // Under `keys` and `runs` the historical decoder expects lists and would refuse the whole answer.
      environment_vars: { A: "1" },
      attached_resources: { [`runs/${source}`]: "/data", [`runs/${source}/model.bin`]: "/spell/model.bin" },
    });
    const recorded = await world.services.store.findRun(run.id);
    expect(recorded?.spec.environment).toEqual({ A: "1", keys: "of no other type", runs: "2" });
  });

  it("keeps how it is to be tried again, with what was left out", async () => {
    await using world = await openWorld();
    const asked = { limit: 2, exit_codes: [137, 1], backoff_seconds: 0.5, max_backoff_seconds: null };
    const { body } = await ask(world, "runs/ann", { body: { ...UNUSED, retry: asked } });
    const retry = {
      ...{ limit: 2, exit_codes: [1, 137], backoff_seconds: 0.5 },
      ...{ backoff_factor: 2, max_backoff_seconds: 600 },
    };
    expect(body["run"]).toMatchObject({ retry, attempt: 0, not_before: null });
    expect((await ask(world, "runs/ann/1")).body["run"]).toMatchObject({ retry });
  });

  it.each([
    [{ limit: 0 }, "from 1 to 100 times"],
    [{}, "limit"],
    [{ limit: 1, exit_codes: [0] }, "no exit code to retry on"],
    [{ limit: 1, backoff_seconds: -1 }, "from 0 seconds to 24 hours"],
    [{ limit: 1, backoff_seconds: 1e300 }, "from 0 seconds to 24 hours"],
    [{ limit: 1, backoff_factor: 0 }, "1 to 10 times as long"],
    [{ limit: 1, exit_code: [3] }, "property name"],
    [3, "object"],
  ])("refuses to try again as %j, with a sentence", async (retry, part) => {
    await using world = await openWorld();
    const { status, body } = await ask(world, "runs/ann", { body: { ...UNUSED, retry } });
    expect({ status, error: body["error"] }).toEqual({ status: 400, error: expect.stringContaining(part) });
  });

  it("answers the same run to the same Idempotency-Key, also when both come at once", async () => {
    await using world = await openWorld();
    const create = async (key: string, token?: string, owner = "ann") => {
      const headers = { "idempotency-key": key };
      const answer = await ask(world, `runs/${owner}`, { body: { command: "true" }, headers, token });
      return (answer.body["run"] as { id: number }).id;
    };
    const [first, again] = await Promise.all([create("k1"), create("k1")]);
    expect(again).toBe(first);
    expect(await create("k1")).toBe(first);
    const others = [await create("k2"), await create("k1", world.bob, "bob"), await newRun(world), await newRun(world)];
    expect(new Set([first, ...others]).size).toBe(5);
  });

  it("refuses by name what this version cannot do, and never leaves it out silently", async () => {
    await using world = await openWorld();
    const asked = {
      ...{ docker_image: "debian", pip_packages: ["a==1"], pip_env_packages: ["a"], apt_packages: ["git"] },
      ...{ requirements_file: "a", conda_file: "a" },
      ...{ distributed: 2, tensorboard_directory: "logs" },
      ...{ provider: "x", node_group: "x" },
    };
    for (const [field, value] of Object.entries(asked)) {
      const { status, body } = await ask(world, "runs/ann", { body: { ...UNUSED, [field]: value } });
      const error = expect.stringMatching(
        new RegExp(`^This version of Spell does not offer .+ yet \\(${field}\\)\\.$`),
      );
      expect({ status, body }).toEqual({ status: 400, body: { status: "error", error, code: "not-offered" } });
    }
    expect((await ask(world, "runs/ann")).body).toEqual({ runs: [] });
  });

  it.each([
    ["an unknown machine type", { gpu: "V9000" }, "unknown-machine-type", "choose from CPU, K80"],
    ["no command", { command: null }, "empty-command", "say what to run"],
    ["an absent resource", { attached_resources: { "runs/99/x": {} } }, "no-such-resource", "not a valid resource"],
    ["a label outside a workflow", { commit_label: "x" }, "no-workflow", "only workflows have labels"],
    ["a working directory elsewhere", { cwd: "../x" }, "bad-cwd", "without '..'"],
  ])("refuses %s with a sentence", async (_what, over, code, part) => {
    await using world = await openWorld();
    const { status, body } = await ask(world, "runs/ann", { body: { ...UNUSED, ...over } });
    expect({ status, body }).toEqual({
      status: 400,
      body: { status: "error", error: expect.stringContaining(part), code },
    });
  });
});

describe("listing runs", () => {
  it("gives the newest first, as many as asked for, whatever else the client sends", async () => {
    await using world = await openWorld();
    const ids = [await newRun(world), await newRun(world), await newRun(world)];
    const list = async (query: string) => {
      const answer = await ask(world, `runs/ann${query}`);
      return (answer.body["runs"] as { id: number }[]).map((run) => run.id);
    };
    const cli = "sort_column=user_run_id&sort_ascending=False&include_jupyter=False&show_uncategorized=True";
    expect(await list("")).toEqual(ids.toReversed());
    expect(await list(`?page_size=50&${cli}`)).toEqual(ids.toReversed());
    expect(await list("?page_size=2")).toEqual(ids.toReversed().slice(0, 2));
    expect(await list("?page_size=0")).toHaveLength(3);
    expect(await list(`?before_id=${ids[2]}`)).toEqual(ids.slice(0, 2).toReversed());
    expect(await list("?project_id=1")).toEqual([]);
    expect(await list("?workspace_id=1&workspace_id=2")).toEqual([]);
    const labelled = [await newRun(world, { labels: ["a", "b"] }), await newRun(world, { labels: ["a"] })];
    expect(await list("?labels=a")).toEqual(labelled.toReversed());
    expect(await list("?labels=b&labels=c")).toEqual([labelled[0]]);
    expect(await list("?labels=b&labels=a")).toEqual(labelled.toReversed());
  });

  it.each(["sort_column=status", "sort_ascending=True"])("refuses %s with a sentence", async (query) => {
    await using world = await openWorld();
    expect(await ask(world, `runs/ann?${query}`)).toMatchObject({ status: 400, body: { code: "not-offered" } });
  });

  it.each(["x", "1.5", "-1", "1e3", "9999999999", "1&page_size=2"])("refuses page_size=%s", async (size) => {
    await using world = await openWorld();
    const { status, body } = await ask(world, `runs/ann?page_size=${size}`);
    expect({ status, body }).toMatchObject({ status: 400, body: { error: expect.stringContaining("page_size") } });
  });
});

describe("one run", () => {
  it("is told with how it ended", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const { stream } = agent;
    const id = await newRun(world);
    const { lease } = await stream.attemptOf(id);
    stream.say({ attempts: [report(lease, ["building", "running"])] });
    const running = await waitForStatus(world, id, "running");
    expect(running).toMatchObject({ started_at: expect.stringMatching(TIME), ended_at: null, user_exit_code: null });
    stream.say({ attempts: [report(lease, ["building", "running"], { cause: "exit", exitCode: 3 })] });
    expect(await waitForStatus(world, id, "failed")).toMatchObject({
      ...{ user_exit_code: 3, reason_code: "exit-code", reason: "The command exited with code 3." },
      ended_at: expect.stringMatching(TIME),
    });
  });

  it.each(["stop", "kill"])("can be ended by %s, once", async (verb) => {
    await using world = await openWorld();
    const id = await newRun(world);
    expect(await post(world, `runs/ann/${id}/${verb}`)).toEqual({ status: 200, body: {} });
    expect((await ask(world, `runs/ann/${id}`)).body["run"]).toMatchObject({ status: "killed" });
    expect(await post(world, `runs/ann/${id}/${verb}`)).toEqual({
      status: 409,
      body: { status: "error", error: expect.stringContaining("already ended (killed)"), code: "run-ended" },
    });
  });

  it("may be ended by a POST that names a content type and brings nothing", async () => {
    await using world = await openWorld();
    const id = await newRun(world);
    const headers = { "content-type": "application/json", "content-length": "0" };
    expect(await ask(world, `runs/ann/${id}/kill`, { method: "POST", headers })).toEqual({ status: 200, body: {} });
  });
});
