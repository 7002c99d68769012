import { describe, expect, it } from "vitest";
import type { Principal } from "./principal.ts";
import type { MountRequest } from "./resolve-mounts.ts";
import { resolveMounts } from "./resolve-mounts.ts";
import { Link } from "./test-support/make-tree.ts";
import type { World } from "./test-support/world.ts";
import { ANN, BOB, assignedTo, openWorld } from "./test-support/world.ts";

const OUTPUTS = {
  save: { "model.h5": "weights", "run.sh": "true", deep: { er: "x" } },
  link: new Link("save"),
  nowhere: new Link("gone"),
};

function resolve(world: World, mounts: readonly MountRequest[], principal: Principal = ANN) {
  return resolveMounts(world, { principal, mounts, codeRoot: "repo" });
}

function refused(resource: string, why: string) {
  return {
    name: "SpellError",
    code: "invalid-input",
    reason: "no-such-resource",
    message: `Cannot mount resource "${resource}": not a valid resource (${why}).`,
  };
}

describe("resolveMounts", () => {
  it("finds folders, files and all of a run's outputs", async () => {
    await using world = await openWorld();
    const { id, outputTree } = await world.addEnded("complete", OUTPUTS);
    const mounts = await resolve(world, [
      { resource: `runs/${id}/save`, mountPoint: "" },
      { resource: `runs/${id}/save/run.sh`, mountPoint: "/opt/run.sh" },
      { resource: `runs/${id}`, mountPoint: "/data" },
      { resource: `runs/${id}/save/model.h5`, mountPoint: "model" },
      { resource: `runs/${id}/link`, mountPoint: "" },
    ]);
    expect(mounts).toMatchObject([
      { path: "/spell/repo/save", isFile: false, executable: false, mountPoint: "", resource: `runs/${id}/save` },
      { path: "/opt/run.sh", isFile: true, sizeBytes: 4, executable: true },
      { path: "/data", isFile: false, digest: outputTree },
      { path: "/spell/repo/model", isFile: true, sizeBytes: 7, executable: false },
      { path: "/spell/repo/link", isFile: false, digest: mounts[0]?.digest },
    ]);
    const digest = mounts[0]?.digest;
    expect(digest !== undefined && (await world.trees.hasTree(digest))).toBe(true);
  });

  it.each(["failed", "stopped", "interrupted"] as const)("takes the outputs of a run that ended %s", async (status) => {
    await using world = await openWorld();
    const { id } = await world.addEnded(status, OUTPUTS);
    expect(await resolve(world, [{ resource: `runs/${id}/save`, mountPoint: "" }])).toHaveLength(1);
  });

  it("says that there is no such run, also when it is somebody else's", async () => {
    await using world = await openWorld();
    const { id } = await world.addEnded("complete", OUTPUTS, { owner: "bob" });
    for (const missing of [id, 99, 0, 999_999_999_999_999]) {
      const resource = `runs/${missing}/save`;
      await expect(resolve(world, [{ resource, mountPoint: "" }])).rejects.toMatchObject(
        refused(resource, `there is no run ${missing}`),
      );
    }
    expect(await resolve(world, [{ resource: `runs/${id}/save`, mountPoint: "" }], BOB)).toHaveLength(1);
  });

  it("gives a run what its owner's runs wrote, in its workflow or not, and nobody else's", async () => {
    await using world = await openWorld();
    const mine = await world.addEnded("complete", OUTPUTS, { workflowId: 3 });
    const earlier = await world.addEnded("complete", OUTPUTS, { workflowId: 4 });
    const foreign = await world.addEnded("complete", OUTPUTS, { owner: "bob" });
    const run: Principal = { kind: "run", userName: "ann", runId: 50, workflowId: 3 };
    for (const { id } of [mine, earlier]) {
      expect(await resolve(world, [{ resource: `runs/${id}/save`, mountPoint: "" }], run)).toHaveLength(1);
    }
    const resource = `runs/${foreign.id}/save`;
    await expect(resolve(world, [{ resource, mountPoint: "" }], run)).rejects.toMatchObject(
      refused(resource, `there is no run ${foreign.id}`),
    );
  });

  it("says that a run is still under way, wrote nothing, or not this", async () => {
    await using world = await openWorld();
    const running = await world.addRun({}, assignedTo("a1"), { status: "running" });
    const queued = await world.addRun();
    const empty = await world.addEnded("killed");
    const ended = await world.addEnded("complete", OUTPUTS);
    const cases: [string, string][] = [
      [`runs/${running.id}/save`, `run ${running.id} is still running; wait until it has ended`],
      [`runs/${queued.id}`, `run ${queued.id} is still machine_requested; wait until it has ended`],
      [`runs/${empty.id}/save`, `run ${empty.id} wrote no files`],
      [`runs/${empty.id}`, `run ${empty.id} wrote no files`],
      [`runs/${ended.id}/logs`, `run ${ended.id} has no "logs"`],
      [`runs/${ended.id}/save/model.h5/x`, `run ${ended.id} has no "save/model.h5/x"`],
      [`runs/${ended.id}/Save`, `run ${ended.id} has no "Save"`],
      [`runs/${ended.id}/nowhere`, 'it is a link to "gone", which is not there'],
      ["runs", "name one of its entries"],
      [`runs/${ended.id}/link/nope`, `run ${ended.id} has no "link/nope"`],
    ];
    for (const [resource, why] of cases) {
      await expect(resolve(world, [{ resource, mountPoint: "/m" }])).rejects.toMatchObject(refused(resource, why));
    }
  });

  it.each([
    "runs/1/../1/save",
    "runs/1/save/..",
    "runs/1//save",
    "runs/1/save\0",
    "runs/1/./save",
    "save",
    "/runs/1",
    "",
  ])("refuses %j", async (resource) => {
    await using world = await openWorld();
    await world.addEnded("complete", OUTPUTS);
    await expect(resolve(world, [{ resource, mountPoint: "/m" }])).rejects.toMatchObject({
      reason: "no-such-resource",
    });
  });

  it.each(["/", "/proc/1", "/spell", "/spell/repo", "../x", "a/../../b", "a\0"])(
    "refuses the place %j",
    async (mountPoint) => {
      await using world = await openWorld();
      const { id } = await world.addEnded("complete", OUTPUTS);
      await expect(resolve(world, [{ resource: `runs/${id}/save`, mountPoint }])).rejects.toMatchObject({
        code: "invalid-input",
        reason: "bad-mount",
      });
    },
  );

  describe("several mounts", () => {
    const FILE = "save/model.h5";
    it.each<[string, [string, string][]]>([
      [
        "at one place",
        [
          ["save", "/m"],
          ["link2", "/m"],
        ],
      ],
      [
        "at one place, written differently",
        [
          ["save", "data"],
          ["link2", "/spell//repo/./data/"],
        ],
      ],
      [
        "at one place, by their names",
        [
          ["save", ""],
          ["other/save", ""],
        ],
      ],
      [
        "one inside a file",
        [
          [FILE, "/m"],
          ["save", "/m/deeper"],
        ],
      ],
      [
        "one inside a file that comes later",
        [
          ["save", "/m/deep/er"],
          [FILE, "/m"],
        ],
      ],
    ])("clash: %s", async (_name, wanted) => {
      await using world = await openWorld();
      const { id } = await world.addEnded("complete", { ...OUTPUTS, link2: { a: "a" }, other: { save: { b: "b" } } });
      const mounts = wanted.map(([path, mountPoint]) => ({ resource: `runs/${id}/${path}`, mountPoint }));
      const error: unknown = await resolve(world, mounts).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "invalid-input", reason: "mount-clash" });
      for (const { resource } of mounts) expect(error).toMatchObject({ message: expect.stringContaining(resource) });
    });

    it("may lie inside each other's folders, and beside places with a like beginning", async () => {
      await using world = await openWorld();
      const { id } = await world.addEnded("complete", OUTPUTS);
      const resource = `runs/${id}/save`;
      const mounts = await resolve(world, [
        { resource, mountPoint: "/m" },
        { resource, mountPoint: "/m/inside" },
        { resource: `${resource}/model.h5`, mountPoint: "/m/file" },
        { resource, mountPoint: "/m/file2" },
      ]);
      expect(mounts.map((mount) => mount.path)).toEqual(["/m", "/m/inside", "/m/file", "/m/file2"]);
    });

    it("are bounded in number", async () => {
      await using world = await openWorld();
      const { id } = await world.addEnded("complete", OUTPUTS);
      const mounts = Array.from({ length: 257 }, (_, index) => ({ resource: `runs/${id}`, mountPoint: `/m${index}` }));
      expect(await resolve(world, mounts.slice(1))).toHaveLength(256);
      await expect(resolve(world, mounts)).rejects.toMatchObject({ code: "invalid-input", reason: "too-many-mounts" });
    });
  });
});
