/** Resources, links and models over HTTP, in the form that old clients parse. */
import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import { describe, expect, it } from "vitest";
import { ask, newRun, send } from "../test-support/api.ts";
import { endedRun } from "../test-support/outputs.ts";
import { begin, complete, put } from "../test-support/tus.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

async function list(world: World, path: string): Promise<Record<string, unknown>[]> {
  const response = await send(world, `resources/ann/ls/${path}`);
  expect(response.headers.get("content-type")).toMatch(/^application\/x-ndjson/);
  const text = await response.text();
  expect(text).not.toMatch(/^\n|\n\n|[\u0080-\uffff]/);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function copy(world: World, path: string): Promise<Record<string, string>> {
  const response = await send(world, `resources/ann/cp/${path}`, { headers: { accept: "application/x-tar" } });
  expect(response.headers.get("content-type")).toMatch(/^application\/x-tar/);
  const members: Record<string, string> = {};
  const archive = extract();
  archive.end(Buffer.from(await response.arrayBuffer()));
  for await (const member of archive) {
    members[member.header.name] = (await buffer(member as AsyncIterable<Uint8Array>)).toString();
  }
  return members;
}

describe("resources", () => {
  it("are listed as lines and copied as archives", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, { "a.txt": "A", "ü 日本": "B", nothing: "" });
    expect(await list(world, "")).toMatchObject([{ path: "public/" }, { path: "runs/" }, { path: "uploads/" }]);
    expect(await list(world, "runs")).toMatchObject([{ path: `${id}/`, size: null, date: TIME, link_target: null }]);
    expect(await list(world, `runs/${id}/`)).toEqual([
      { path: "a.txt", size: 1, date: TIME, additional_info: null, link_target: null },
      { path: "nothing", size: 0, date: TIME, additional_info: null, link_target: null },
      { path: "ü 日本", size: 1, date: TIME, additional_info: null, link_target: null },
    ]);
    expect(await copy(world, `runs/${id}`)).toEqual({ "a.txt": "A", nothing: "", "ü 日本": "B" });
    expect(await copy(world, `runs/${id}/${encodeURIComponent("ü 日本")}`)).toEqual({ "ü 日本": "B" });
  });

  it("that are not there are told as errors of their own", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, { "a.txt": "A" });
    const waiting = await newRun(world);
    for (const verb of ["ls", "cp"]) {
      for (const [path, status] of [
        ...([
          [`runs/${id}/b`, 404],
          ["runs/99", 404],
          ["uploads/x", 404],
          ["alias", 404],
          [`runs/${waiting}`, 409],
        ] as const),
        ...([
          [`runs/${id}/..%2F${id}`, 400],
          [`runs/${id}/a%00b`, 400],
          ["%2fruns/1", 400],
          ["s3:%2F%2Fb", 400],
        ] as const),
      ]) {
        const answer = await ask(world, `resources/ann/${verb}/${path}`);
        expect(answer, path).toMatchObject({ status, body: { error: expect.stringMatching(/^Cannot read ".+\.$/) } });
      }
      expect((await ask(world, `resources/ann/${verb}/runs/${id}`, { token: world.bob })).status).toBe(404);
      expect((await ask(world, `resources/bob/${verb}/runs/${id}`, { token: world.bob })).status).toBe(404);
      expect((await ask(world, `resources/ann/${verb}/runs/${id}`, { token: "" })).status).toBe(401);
    }
    expect((await ask(world, "resources/ann/cp/runs")).status).toBe(400);
  });

  it("cannot be mounted unless they are there", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, { "a.txt": "A" });
    const data = await begin(world, "data");
    await put(world, data, "f", "x");
    const mount = (resource: string) =>
      ask(world, "runs/ann", { body: { command: "true", attached_resources: { [resource]: { mount_point: "" } } } });
    const refused = {
      status: 400,
      body: { error: expect.stringMatching(/^Cannot mount resource ".+not a valid resource/) },
    };
    for (const resource of ["uploads/data", "uploads/none", "best", "public/x", "runs", "s3://b/x"]) {
      expect(await mount(resource), resource).toMatchObject(refused);
    }
    await complete(world, data);
    await ask(world, "links/ann", { body: { alias: "best", resource_path: `runs/${id}` } });
    for (const resource of ["uploads/data/", "uploads/data/f", "best", "best/a.txt"]) {
      expect((await mount(resource)).status, resource).toBe(200);
    }
  });
});

describe("links", () => {
  it("are made, asked for, gone through and removed", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, { "a.txt": "A" });
    const link = { alias: "ü", resource_path: `runs/${id}`, created_at: TIME };
    const make = (alias: string, path: string) => ask(world, "links/ann", { body: { alias, resource_path: path } });
    expect(await make("ü", `runs/${id}/`)).toEqual({ status: 200, body: { resource_link: link } });
    expect(await make("ü", "uploads/x")).toMatchObject({ status: 400 });
    expect((await make("ü", `runs/${id}`)).body).toEqual({ resource_link: link });
    expect(await make("ü", `runs/${id}/a.txt`)).toMatchObject({ status: 409, body: { code: "alias-taken" } });
    expect((await make("again", "ü/a.txt")).body).toMatchObject({
      resource_link: { resource_path: `runs/${id}/a.txt` },
    });
    for (const alias of ["runs", "a/b", "a.b", ""]) expect((await make(alias, `runs/${id}`)).status).toBe(400);
    for (const path of ["", "runs", "uploads", "runs/99", `runs/${id}/..`, "nope"]) {
      expect((await make("x", path)).status, path).toBe(400);
    }
    expect((await ask(world, "links/ann/%C3%BC")).body).toEqual({ resource_link: link });
    expect(await ask(world, "links/ann/none")).toEqual({ status: 200, body: { resource_link: {} } });
    expect((await ask(world, "links/ann")).body).toMatchObject({ resource_links: [{ alias: "again" }, link] });
    const through = await send(world, "resources/ann/ls/%C3%BC");
    expect(JSON.parse(through.headers.get("resource-link") ?? "")).toEqual({ resource_link: link });
    expect(await through.text()).toContain('"a.txt"');
    expect(await list(world, "")).toContainEqual(expect.objectContaining({ path: "ü", link_target: `runs/${id}` }));
    expect((await ask(world, "links/bob", { token: world.bob })).body).toEqual({ resource_links: [] });
    expect((await ask(world, "links/ann/again", { method: "DELETE" })).status).toBe(200);
    expect((await ask(world, "links/ann/again", { method: "DELETE" })).status).toBe(404);
  });
});

describe("models", () => {
  it("are made in versions, described and removed", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, { "a.txt": "A", "b.txt": "B" });
    const make = (more: object) =>
      ask(world, "model/ann", { body: { name: "m", version: null, resource: `runs/${id}`, ...more } });
    const first = await make({ files: [], description: null });
    expect(first.body).toEqual({
      model_version: {
        ...{ id: expect.any(Number), version: "v1", formatted_version: "v1", model_id: 1, model_name: "m" },
        ...{ description: "", creator: expect.objectContaining({ user_name: "ann" }), created_at: TIME },
        ...{ resource: `runs/${id}`, files: [{ resource_path: ".", destination_path: null }] },
      },
    });
    const files = [{ resource_path: "./a.txt", destination_path: "weights/a.txt" }];
    expect((await make({ files })).body).toMatchObject({
      model_version: { version: "v2", files: [{ resource_path: "a.txt", destination_path: "weights/a.txt" }] },
    });
    expect(await make({ version: "v2" })).toMatchObject({ status: 409, body: { code: "version-taken" } });
    for (const wrong of [
      { resource: "runs/99" },
      { resource: "runs" },
      { name: "" },
      { name: "a/b" },
      { version: "a:b" },
      { files: [{ resource_path: "c.txt", destination_path: null }] },
      { files: [{ resource_path: "../x", destination_path: null }] },
      { files: [{ resource_path: "a.txt", destination_path: "/etc/x" }] },
    ]) {
      expect((await make(wrong)).status, JSON.stringify(wrong)).toBe(400);
    }
    expect(
      (await ask(world, "model/ann/m/version/v1", { method: "PUT", body: { description: "better" } })).status,
    ).toBe(200);
    expect((await ask(world, "model/ann/m/version/v1")).body).toMatchObject({
      model_version: { description: "better" },
    });
    expect((await ask(world, "model/ann/m")).body).toMatchObject({
      model: { name: "m", model_versions: [{ version: "v1" }, { version: "v2" }] },
    });
    expect((await ask(world, "model/ann")).body).toMatchObject({ models: [{ name: "m" }] });
    for (const path of ["model/ann/m", "model/ann/m/version/v1"]) {
      expect((await ask(world, path, { token: world.bob })).status).toBe(404);
      expect((await ask(world, path.replace("ann", "bob"), { token: world.bob })).status).toBe(404);
    }
    expect((await ask(world, "model/ann/m/version/v1", { method: "DELETE" })).status).toBe(200);
    expect((await ask(world, "model/ann/m/version/v1")).status).toBe(404);
    expect((await ask(world, "model/ann/m", { method: "DELETE" })).status).toBe(200);
    expect((await ask(world, "model/ann")).body).toEqual({ models: [] });
  });
});
