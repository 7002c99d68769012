/** Many runs at once, labels, the archive, parameters, idempotency: over HTTP. */
import { describe, expect, it } from "vitest";
import { ask, newRun, post } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

const put = (world: World, path: string, name: unknown) => ask(world, path, { method: "PUT", body: { name } });
const archive = (world: World, id: number) => ask(world, `runs/ann/${id}`, { method: "DELETE" });
const batch = async (world: World, verb: string, ids: number[]) =>
  (await ask(world, `runs/ann/${verb}_batch`, { body: { run_ids: ids } })).body;

describe("many runs at once", () => {
  it("are stopped or killed, and each is told by what became of it", async () => {
    await using world = await openWorld();
    const ids = [await newRun(world), await newRun(world), await newRun(world)] as const;
    const bobs = await ask(world, "runs/bob", { body: { command: "true" }, token: world.bob });
    const other = (bobs.body["run"] as { id: number }).id;
    expect(await batch(world, "stop", [ids[0], 99, other])).toEqual({
      ...{ successful_run_ids: [ids[0]], failed_run_ids: [], non_existent_run_ids: [99, other] },
      post_running_run_ids: [],
    });
    expect(await batch(world, "kill", [ids[0], ids[1], ids[1]])).toEqual({
      ...{ successful_run_ids: [ids[1]], failed_run_ids: [], non_existent_run_ids: [] },
      final_state_run_ids: [ids[0]],
    });
    expect(await batch(world, "archive", [ids[0], ids[2], 99])).toEqual({
      ...{ successful_run_ids: [ids[0]], failed_run_ids: [ids[2]], non_existent_run_ids: [99] },
      warning_messages: [`Run ${ids[2]} is still machine_requested: stop or kill it before you archive it.`],
    });
    expect(await batch(world, "stop", [])).toMatchObject({ successful_run_ids: [] });
  });

  it.each([{}, { run_ids: 1 }, { run_ids: ["x"] }, { run_ids: [1.5] }, { run_ids: [-1] }, { run_ids: [null] }])(
    "refuses %j",
    async (body) => {
      await using world = await openWorld();
      for (const verb of ["stop", "kill", "archive"]) {
        expect((await ask(world, `runs/ann/${verb}_batch`, { body })).status).toBe(400);
      }
    },
  );
});

describe("labels and the archive", () => {
  it("work, and say what cannot be", async () => {
    await using world = await openWorld();
    const id = await newRun(world, { labels: ["a"] });
    expect(await put(world, `runs/ann/${id}/add_label`, "b")).toEqual({ status: 200, body: {} });
    expect(await put(world, `runs/ann/${id}/remove_label`, "a")).toEqual({ status: 200, body: {} });
    expect(await put(world, `runs/ann/${id}/remove_label`, "a")).toMatchObject({ status: 409 });
    expect(await put(world, `runs/ann/${id}/add_label`, "")).toMatchObject({ status: 400 });
    expect(await put(world, `runs/ann/${id}/add_label`, 3)).toMatchObject({ status: 400 });
    expect((await ask(world, `runs/ann/${id}`)).body).toMatchObject({ run: { labels: [{ name: "b" }] } });
    expect(await archive(world, id)).toMatchObject({ status: 409, body: { code: "run-active" } });
    await post(world, `runs/ann/${id}/kill`);
    expect(await archive(world, id)).toEqual({ status: 200, body: {} });
    expect(await archive(world, id)).toMatchObject({ status: 409, body: { code: "run-archived" } });
    expect(await archive(world, 99)).toMatchObject({ status: 404 });
    expect((await ask(world, "runs/ann")).body).toEqual({ runs: [] });
  });
});

describe("creating", () => {
  it("puts parameters in, and shows them but for the names that old clients take for something else", async () => {
    await using world = await openWorld();
    const body = { command: "x :lr: :runs:", params: { lr: 0.1, runs: "2" } };
    expect((await ask(world, "runs/ann", { body })).body["run"]).toMatchObject({
      command: "x 0.1 2",
      hyper_params: { lr: 0.1 },
    });
  });

  it("answers an identical run to who asks for it", async () => {
    await using world = await openWorld();
    const body = { command: "true", idempotent: true };
    const first = await ask(world, "runs/ann", { body });
    expect(first.body).toMatchObject({ already_existed: false });
    expect((await ask(world, "runs/ann", { body })).body).toEqual({ ...first.body, already_existed: true });
  });

  it("takes a framework for a hint and says so in the log", async () => {
    await using world = await openWorld();
    const id = await newRun(world, { framework: "tensorflow", framework_version: 2.2 });
    const response = await ask(world, `runs/ann/${id}`);
    expect(response.status).toBe(200);
    const { before } = (await world.services.store.describeLog(id)) ?? { before: [] };
    expect(before[1]).toMatchObject({ text: expect.stringContaining("framework=tensorflow 2.2 has no effect") });
  });
});
