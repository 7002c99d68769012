/** What takes the space: own and shared bytes of each thing, and what nobody uses. */
import { expect, it } from "vitest";
import { makeTree } from "../test-support/make-tree.ts";
import { ANN, openWorld, runRequest } from "../test-support/world.ts";
import type { World } from "../test-support/world.ts";
import type { Measured } from "./measure-store.ts";
import { measureStore } from "./measure-store.ts";

async function measure(world: World, committedSinceMs = 0): Promise<Measured> {
  const measuring = measureStore({ ...world, committedSinceMs });
  for (;;) {
    const step = await measuring.next();
    if (step.done === true) return step.value;
  }
}

it("tells apart what only one thing uses and what several do", async () => {
  await using world = await openWorld();
  expect((await measure(world)).items).toEqual([]);
  const big = "b".repeat(10_000);
  const small = "s".repeat(500);
  const project = await world.store.projects.create(
    { owner: "ann", name: "Vision", description: "", createdAtMs: 1 },
    [],
  );
  const inProject = { projectId: project.id };
  await world.addEnded("complete", { save: { big, only: "1".repeat(1_000) } }, inProject);
  await world.addEnded("complete", { save: { big, more: "2".repeat(2_000) } }, inProject);
  const upload = await world.commit({ small });
  await world.store.uploads.addUpload({ owner: "bob", name: "d", tree: upload, fileCount: 1, sizeBytes: 500 }, 1);
  const code = await world.commit({ repo: { "a.py": small } });
  for (const _run of [1, 2]) await world.create.run(ANN, runRequest({ codeTree: code, codeRoot: "repo" }), "");
  await world.store.models.addVersion({
    ...{
      owner: "ann",
      name: "net",
      version: "",
      resource: "runs/1/save/big",
      files: [],
      description: "",
      createdAtMs: 1,
    },
  });
  await world.objects.put("packs/never-committed", Buffer.alloc(7_000));
  const { root, nodes, object, body } = makeTree({ a: "x" });
  await world.objects.put(object.objectKey, Buffer.concat([body, Buffer.alloc(300)]));
  await world.trees.commitTree({ root, objects: [{ ...object, sizeBytes: body.length + 300 }], nodes });

  const { items, totals } = await measure(world);
  const size = (kind: string, name: string) => {
    const item = items.find((each) => each.kind === kind && each.name === name);
    // Folders take some bytes: to the next hundred below.
    return item && [item.owner, ...[item.ownBytes, item.sharedBytes].map((bytes) => bytes - (bytes % 500))];
  };
  expect(size("run", "runs/1")).toEqual(["ann", 1_000, 10_000]);
  expect(size("run", "runs/2")).toEqual(["ann", 2_000, 10_000]);
  expect(size("project", "Vision")).toEqual(["ann", 13_500, 0]);
  expect(size("upload", "uploads/d")).toEqual(["bob", 0, 500]);
  expect(size("code", "repo")).toEqual(["ann", 0, 500]);
  expect(size("model", "net:v1")).toEqual(["ann", 0, 10_000]);
  expect(items.filter(({ kind }) => kind === "unnamed")).toMatchObject([{ owner: "", sharedBytes: 0 }]);
  expect(items.map(({ ownBytes }) => ownBytes)).toEqual(
    items.map(({ ownBytes }) => ownBytes).toSorted((a, b) => b - a),
  );
  // What came twice, in packs of two trees, lies twice: the second place is waste.
  expect(totals).toMatchObject({ objects: 6, wasteBytes: 300 + 10_000 + 500, uncommittedBytes: 7_000, deadBytes: 0 });
  const { storedBytes, usedBytes, wasteBytes, uncommittedBytes } = totals;
  expect(storedBytes).toBe(usedBytes + wasteBytes + uncommittedBytes);
  const later = await measure(world, world.clock.nowMs + 1);
  expect(later.items.some(({ kind }) => kind === "unnamed")).toBe(false);
  expect(later.totals.deadBytes).toBe(totals.usedBytes - later.totals.usedBytes);
  expect(later.totals.deadBytes).toBeGreaterThan(0);
});
