/** `idempotent`: a run that asked for the same and did not fail is answered instead of making one. */
import type { RunStatus } from "@spell/domain";
import type { RunRequest } from "./create-runs.ts";
import { describe, expect, it } from "vitest";
import type { World } from "./test-support/world.ts";
import { ANN, BOB, openWorld, runRequest } from "./test-support/world.ts";

const again = (world: World, over: Partial<RunRequest> = {}, who = ANN) =>
  world.create.run(who, runRequest({ idempotent: true, ...over }), "");

async function end(world: World, id: number, status: RunStatus, userExitCode: number): Promise<void> {
  const run = await world.store.findRun(id);
  const change = { status, reasonCode: "exit-code", reason: "Over.", endedAtMs: 1, userExitCode };
  expect(await world.store.updateRun(id, run?.version ?? -1, change)).toBeDefined();
}

describe("asking for the same", () => {
  it("answers the run that waits, runs or is complete, whatever was asked only for people", async () => {
    await using world = await openWorld();
    const { run } = await again(world, { environment: { A: "1", B: "2" } });
    const same = { environment: { B: "2", A: "1" }, labels: ["new"], description: "second try" };
    expect(await again(world, same)).toEqual({ run, existed: false, reused: true });
    await end(world, run.id, "complete", 0);
    expect(await again(world, same)).toMatchObject({ run: { id: run.id, labels: [] }, reused: true });
  });

  it("makes one where the request says nothing of it", async () => {
    await using world = await openWorld();
    const { run } = await again(world);
    expect(await again(world, { idempotent: false })).toMatchObject({ run: { id: run.id + 1 }, reused: false });
    // The newest is answered.
    expect(await again(world)).toMatchObject({ run: { id: run.id + 1 }, reused: true });
  });

  it("all at once makes one", async () => {
    await using world = await openWorld();
    const made = await Promise.all(Array.from({ length: 20 }, () => again(world)));
    expect(made.filter(({ reused }) => !reused)).toHaveLength(1);
    expect(new Set(made.map(({ run }) => run.id)).size).toBe(1);
  });

  it.each<[RunStatus, number]>([
    ["failed", 1],
    ["stopped", 0],
    ["killed", 0],
    ["interrupted", 0],
    ["build_failed", 0],
    ["mount_failed", 0],
    ["complete", 3],
  ])("is not answered by a run that is %s (%d)", async (status, exitCode) => {
    await using world = await openWorld();
    const { run } = await again(world);
    await end(world, run.id, status, exitCode);
    expect(await again(world)).toMatchObject({ run: { id: run.id + 1 }, reused: false });
  });

  it("is not answered by a run that somebody ends, by an archived one, nor by another owner's", async () => {
    await using world = await openWorld();
    const { run } = await again(world);
    expect((await again(world, {}, BOB)).run.id).toBe(run.id + 1);
    await world.lifecycle.request(ANN, run.id, "kill");
    const next = (await again(world)).run.id;
    expect(next).toBe(run.id + 2);
    await end(world, next, "complete", 0);
    await world.filing.archive(ANN, next);
    expect((await again(world)).run.id).toBe(next + 1);
  });

  it.each<[string, Partial<RunRequest>]>([
    ["command", { command: "python other.py" }],
    ["machine type", { machineType: "K80" }],
    ["environment", { environment: { A: "1" } }],
    ["parameter", { command: "python train.py :a:", params: { a: 1 } }],
    ["timeout", { timeoutMinutes: 3 }],
  ])("counts as another with another %s", async (_what, over) => {
    await using world = await openWorld();
    const { run } = await again(world);
    expect((await again(world, over)).run.id).not.toBe(run.id);
  });

  it("looks at the bytes of code and inputs, not at where they came from", async () => {
    await using world = await openWorld();
    const [first, second, other] = [
      await world.addEnded("complete", { "a.txt": "1" }),
      await world.addEnded("complete", { "a.txt": "1" }),
      await world.addEnded("complete", { "a.txt": "2" }),
    ];
    const mounting = (id: number) => again(world, { mounts: [{ resource: `runs/${id}/a.txt`, mountPoint: "/a" }] });
    const { run } = await mounting(first.id);
    expect((await mounting(second.id)).run.id).toBe(run.id);
    expect((await mounting(other.id)).run.id).not.toBe(run.id);
  });
});
