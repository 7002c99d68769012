/** Lists and copies of what runs wrote and users uploaded, over hostile paths too. */
import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import { describe, expect, it } from "vitest";
import { packCopy } from "./pack-copy.ts";
import type { Principal } from "./principal.ts";
import type { ResourceLine } from "./resources.ts";
import type { Files } from "./test-support/make-tree.ts";
import { Link } from "./test-support/make-tree.ts";
import type { World } from "./test-support/world.ts";
import { ANN, BOB, assignedTo, openWorld } from "./test-support/world.ts";

const OUTPUTS: Files = {
  save: { "model.h5": "weights", "run.sh": "true", deep: { er: "x", empty: {} }, up: new Link("../top.txt") },
  "top.txt": "top",
  latest: new Link("save"),
  "nothing.txt": "",
  "ü 日本": "unicode",
};

async function list(world: World, path: string, who: Principal = ANN): Promise<ResourceLine[]> {
  const { value } = await world.resources.list(who, path);
  const lines: ResourceLine[] = [];
  for await (const line of value) lines.push(line);
  return lines;
}

async function names(world: World, path: string, who: Principal = ANN): Promise<string[]> {
  return (await list(world, path, who)).map((line) => line.name);
}

/** The members of a copy: `x` before those that may be executed, `/` after folders, the contents of files. */
async function copy(world: World, path: string, who: Principal = ANN): Promise<Record<string, string>> {
  const { value } = await world.resources.copy(who, path);
  const members: Record<string, string> = {};
  const archive = extract();
  archive.end(await buffer(packCopy(world.trees, value)));
  for await (const member of archive) {
    const { name, type, mode, linkname } = member.header;
    const bytes = await buffer(member as AsyncIterable<Uint8Array>);
    if (type === "symlink") members[name] = `-> ${linkname}`;
    else if (type === "directory") members[`${name.replace(/\/$/, "")}/`] = "";
    else members[(mode & 0o100) === 0 ? name : `x ${name}`] = bytes.toString();
  }
  return members;
}

async function addUpload(world: World, name: string, files: Files, owner = "ann"): Promise<void> {
  const tree = await world.commit(files);
  await world.store.uploads.addUpload({ owner, name, tree, fileCount: 1, sizeBytes: 1 }, world.clock.nowMs);
}

describe("a list", () => {
  it("shows what lies at the top, of each kind, and in folders", async () => {
    await using world = await openWorld();
    const { id } = await world.addEnded("complete", OUTPUTS);
    const empty = await world.addEnded("failed");
    await addUpload(world, "data", { "a.csv": "1,2" });
    await world.links.add(ANN, "best", `runs/${id}/save/`);
    const madeAtMs = world.clock.nowMs;
    expect(await list(world, "")).toEqual([
      { name: "public/" },
      { name: "runs/" },
      { name: "uploads/" },
      { name: "best", linkTarget: `runs/${id}/save`, madeAtMs },
    ]);
    expect(await list(world, "runs/")).toEqual([
      { name: `${empty.id}/`, madeAtMs },
      { name: `${id}/`, madeAtMs },
    ]);
    expect(await list(world, "uploads")).toEqual([{ name: "data", madeAtMs }]);
    expect(await list(world, "public")).toEqual([]);
    expect(await list(world, `runs/${empty.id}`)).toEqual([]);
    expect(await list(world, "uploads/data/")).toEqual([{ name: "a.csv", sizeBytes: 3, madeAtMs }]);
    expect(await list(world, `runs/${id}/save/model.h5`)).toEqual([{ name: "model.h5", sizeBytes: 7, madeAtMs }]);
    expect(await list(world, `runs/${id}`)).toMatchObject([
      { name: "latest", linkTarget: "save" },
      { name: "nothing.txt", sizeBytes: 0 },
      { name: "save/" },
      { name: "top.txt", sizeBytes: 3 },
      { name: "ü 日本", sizeBytes: 7 },
    ]);
    expect(await names(world, `runs/${id}/latest`)).toEqual(["deep/", "model.h5", "run.sh", "up"]);
    expect((await world.resources.list(ANN, "best/deep")).link?.alias).toBe("best");
    expect(await names(world, "best/deep")).toEqual(["empty/", "er"]);
  });

  it("says what is not there, not yet there, and what is no path", async () => {
    await using world = await openWorld();
    const { id } = await world.addEnded("complete", OUTPUTS);
    const running = await world.addRun({}, assignedTo("a1"), { status: "running" });
    const archived = await world.addEnded("complete", OUTPUTS);
    await world.filing.archive(ANN, archived.id);
    await addUpload(world, "his", { x: "y" }, "bob");
    const upload = await world.store.uploads.beginUpload({ owner: "ann", name: "half", compressed: false }, 1);
    for (const [path, code, why] of [
      ["runs/99", "not-found", "there is no run 99"],
      [`runs/${id}/nope`, "not-found", `run ${id} has no "nope"`],
      [`runs/${id}/top.txt/x`, "not-found", `run ${id} has no "top.txt/x"`],
      [`runs/${running.id}`, "conflict", `run ${running.id} is still running; wait until it has ended`],
      [`runs/${archived.id}`, "not-found", `run ${archived.id} is archived`],
      ["uploads/his", "not-found", 'there is no upload "his"'],
      [`uploads/${upload.name}`, "conflict", 'the upload "half" is not complete yet'],
      ["nope", "not-found", 'there is no link "nope"'],
      ["public/images", "not-found", "this farm has no public resources"],
    ] as const) {
      const message = `Cannot read "${path}": ${why}.`;
      await expect(list(world, path), path).rejects.toMatchObject({ code, reason: "no-such-resource", message });
      await expect(copy(world, path), path).rejects.toMatchObject({ code, message });
    }
    for (const path of [`runs/${id}/..`, `runs/${id}/../${id}`, "/runs/1", `runs/${id}/a\0b`, "../x", "s3://b/x"]) {
      await expect(list(world, path), path).rejects.toMatchObject({ code: "invalid-input" });
    }
    expect(await names(world, "runs")).toEqual([`${running.id}/`, `${id}/`]);
  });

  it("is the owner's own", async () => {
    await using world = await openWorld();
    const { id } = await world.addEnded("complete", OUTPUTS);
    await addUpload(world, "data", { x: "y" });
    await world.links.add(ANN, "best", "uploads/data");
    for (const path of ["runs", "uploads"]) expect(await names(world, path, BOB)).toEqual([]);
    for (const path of [`runs/${id}`, `runs/${id}/top.txt`, "uploads/data", "best"]) {
      await expect(list(world, path, BOB), path).rejects.toMatchObject({ code: "not-found" });
    }
    const run: Principal = { kind: "run", userName: "ann", runId: 77 };
    expect(await names(world, "best", run)).toEqual(["x"]);
    await expect(list(world, "runs", { kind: "agent", agentId: "a1" })).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("a copy", () => {
  it("has what lies in a folder, relative to it, and a file under its name", async () => {
    await using world = await openWorld();
    const { id } = await world.addEnded("complete", OUTPUTS);
    expect(await copy(world, `runs/${id}`)).toEqual({
      ...{ latest: "-> save", "nothing.txt": "", "top.txt": "top", "ü 日本": "unicode", "save/": "" },
      ...{ "save/deep/": "", "save/deep/empty/": "", "save/deep/er": "x", "save/model.h5": "weights" },
      ...{ "x save/run.sh": "true", "save/up": "-> ../top.txt" },
    });
    // A link that leads out of what is copied is sent as what it leads to.
    const save = {
      "deep/": "",
      "deep/empty/": "",
      "deep/er": "x",
      "model.h5": "weights",
      "x run.sh": "true",
      up: "top",
    };
    expect(await copy(world, `runs/${id}/save`)).toEqual(save);
    expect(await copy(world, `runs/${id}/latest/`)).toEqual(save);
    expect(await copy(world, `runs/${id}/save/model.h5`)).toEqual({ "model.h5": "weights" });
    expect(await copy(world, `runs/${id}/latest/up`)).toEqual({ up: "top" });
    expect(await copy(world, `runs/${id}/ü 日本`)).toEqual({ "ü 日本": "unicode" });
    expect(await copy(world, `runs/${(await world.addEnded("complete")).id}`)).toEqual({});
    await expect(copy(world, "runs")).rejects.toMatchObject({ code: "invalid-input" });
  });

  it("keeps long names, many files and large ones", async () => {
    await using world = await openWorld();
    const long = `${"n".repeat(200)}ü`;
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`file ${at}`, at % 3 ? "" : `text ${at}`]));
    const files = { [long]: { [long]: "deep" }, large: "0123456789abcdef".repeat(200_000), ...many };
    const { id } = await world.addEnded("complete", files);
    const expected = { ...many, large: files.large, [`${long}/`]: "", [`${long}/${long}`]: "deep" };
    expect(await copy(world, `runs/${id}`)).toEqual(expected);
  });

  it("breaks off instead of giving wrong bytes", async () => {
    await using world = await openWorld();
    for (const text of ["small", "large ".repeat(500_000)]) {
      const { id } = await world.addEnded("complete", { file: text });
      const { value } = await world.resources.content(ANN, `runs/${id}/file`);
      if (value.kind !== "file") throw new Error("no file");
      const [place] = await world.store.findBlobs([value.file.digest]);
      if (place === undefined) throw new Error("no blob");
      const bytes = Buffer.from(await world.objects.get(place.objectKey));
      const last = place.offset + place.sizeBytes - 1;
      bytes[last] = (bytes[last] ?? 0) ^ 1;
      await world.objects.put(place.objectKey, bytes);
      await expect(copy(world, `runs/${id}`)).rejects.toThrow("The store holds other bytes");
    }
  });

  it("reads no further when the reader has gone, and no faster than the reader", async () => {
    await using world = await openWorld();
    const { id } = await world.addEnded("complete", { "a large file": "0123456789abcdef".repeat(2_000_000) });
    const { value } = await world.resources.copy(ANN, `runs/${id}`);
    let read = 0;
    const get = world.objects.get.bind(world.objects);
    world.objects.get = (key, range) => {
      read += range?.length ?? 0;
      return get(key, range);
    };
    const stream = packCopy(world.trees, value);
    for await (const chunk of stream) {
      if ((chunk as Buffer).length > 0) break;
    }
    expect(stream.destroyed).toBe(true);
    expect(read).toBeLessThanOrEqual(4 * 1024 * 1024);
  });
});
