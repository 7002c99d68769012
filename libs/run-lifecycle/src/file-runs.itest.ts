/** Labels and the archive. */
import { describe, expect, it } from "vitest";
import type { Principal } from "./principal.ts";
import { ANN, BOB, openWorld, runRequest } from "./test-support/world.ts";

const LABEL = { code: "conflict", reason: "no-such-label" };

describe("labels", () => {
  it("are put on and taken off at any time, each once and in order", async () => {
    await using world = await openWorld();
    const { id } = await world.addRun({ labels: ["a"] });
    await world.filing.addLabel(ANN, id, "b");
    expect((await world.filing.addLabel(ANN, id, "a")).labels).toEqual(["a", "b"]);
    await world.lifecycle.request(ANN, id, "kill");
    expect((await world.filing.removeLabel(ANN, id, "a")).labels).toEqual(["b"]);
    await expect(world.filing.removeLabel(ANN, id, "a")).rejects.toMatchObject(LABEL);
    expect(await world.lifecycle.get(ANN, id)).toMatchObject({ labels: ["b"], status: "killed" });
  });

  it("all come to be, also when they are put on at once", async () => {
    await using world = await openWorld();
    const { id } = await world.addRun();
    const labels = Array.from({ length: 20 }, (_, index) => `label ${index}`);
    await Promise.all(labels.map((label) => world.filing.addLabel(ANN, id, label)));
    expect((await world.lifecycle.get(ANN, id)).labels.toSorted()).toEqual(labels.toSorted());
  });

  it.each(["", " ", "x".repeat(201)])("refuses %j", async (label) => {
    await using world = await openWorld();
    const { id } = await world.addRun();
    await expect(world.filing.addLabel(ANN, id, label)).rejects.toMatchObject({ reason: "bad-label" });
  });

  it("choose what a list holds: those with any of them", async () => {
    await using world = await openWorld();
    await world.addRun({ labels: ["a", "b"] });
    await world.addRun({ labels: ["a"] });
    await world.addRun({ labels: ["a"], owner: "bob" });
    const list = async (...labels: string[]) =>
      (await world.lifecycle.list(ANN, { pageSize: 9, labels })).map(({ id }) => id);
    expect(await list()).toEqual([2, 1]);
    expect(await list("a")).toEqual([2, 1]);
    expect(await list("b")).toEqual([1]);
    expect(await list("b", "c")).toEqual([1]);
    expect(await list("c")).toEqual([]);
    expect(await list("a' OR 1=1 --")).toEqual([]);
  });
});

describe("the archive", () => {
  it("takes ended runs out of lists and mounts, once", async () => {
    await using world = await openWorld();
    const run = await world.addEnded("complete", { "a.txt": "1" });
    const active = await world.addRun();
    await expect(world.filing.archive(ANN, active.id)).rejects.toMatchObject({ reason: "run-active" });
    await world.filing.archive(ANN, run.id);
    await expect(world.filing.archive(ANN, run.id)).rejects.toMatchObject({ reason: "run-archived" });
    expect((await world.lifecycle.list(ANN, { pageSize: 0 })).map(({ id }) => id)).toEqual([active.id]);
    expect((await world.lifecycle.get(ANN, run.id)).archivedAtMs).toBe(world.clock.nowMs);
    const mounts = [{ resource: `runs/${run.id}/a.txt`, mountPoint: "" }];
    await expect(world.create.run(ANN, runRequest({ mounts }), "")).rejects.toThrow(/run 1 is archived/);
  });
});

describe("who may", () => {
  it("its owner, and runs of its workflow", async () => {
    await using world = await openWorld();
    const run = await world.addEnded("complete", undefined, { workflowId: 3 });
    const runOf = (workflowId: number): Principal => ({ kind: "run", userName: "ann", runId: 9, workflowId });
    const refused: [Principal, string][] = [
      [BOB, "not-found"],
      [{ kind: "agent", agentId: "a1" }, "forbidden"],
      [runOf(4), "forbidden"],
    ];
    for (const [principal, code] of refused) {
      await expect(world.filing.addLabel(principal, run.id, "x")).rejects.toMatchObject({ code });
      await expect(world.filing.removeLabel(principal, run.id, "x")).rejects.toMatchObject({ code });
      await expect(world.filing.archive(principal, run.id)).rejects.toMatchObject({ code });
    }
    expect((await world.filing.addLabel(runOf(3), run.id, "x")).labels).toEqual(["x"]);
  });
});
