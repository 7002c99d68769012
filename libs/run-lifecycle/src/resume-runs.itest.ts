/** Runs whose machine is taken away: another goes on for each, once, with what lay on the old disk. */
import type { Digest } from "@spell/domain";
import { toRetryPolicy } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { bareSpec } from "./test-support/records.ts";
import type { World } from "./test-support/world.ts";
import { ANN, LEASE_MS, openWorld } from "./test-support/world.ts";

const RECLAIMED = { cause: "lost", reasonCode: "machine-reclaimed", logEntries: 0 } as const;

async function run(world: World, id: number | undefined): Promise<RunRecord> {
  return (await world.store.findRun(id ?? 0)) ?? expect.fail(`there is no run ${id}`);
}

/** A run that resumes, with this code, once an agent has it. */
async function held(world: World, code?: Digest, over: Partial<RunRecord["spec"]> = {}): Promise<RunRecord> {
  const spec = { ...bareSpec(), autoResume: true, ...(code && { codeTree: code, codeRoot: "repo" }), ...over };
  const { id } = await world.addRun({ spec, labels: ["a"], requestHash: "of the first" });
  return placed(world, id);
}

async function placed(world: World, id: number): Promise<RunRecord> {
  world.dispatcher.kick();
  return waitFor("a machine", async () => {
    const found = await run(world, id);
    return found.agentId !== undefined && found;
  });
}

/** Its agent says that the machine is taken away. */
async function reclaim(world: World, { id, attempt, leaseToken = "", agentId = "" }: RunRecord, outputTree?: Digest) {
  const history = [{ phase: "running" as const, atMs: world.clock.nowMs }];
  const report = { runId: id, attempt, leaseToken, history, result: { ...RECLAIMED, outputTree } };
  await world.lifecycle.report(agentId, [report]);
  return run(world, id);
}

async function runCount(world: World): Promise<number> {
  return (await world.store.listRuns({ owner: "ann", pageSize: 99 })).length;
}

describe("a run whose machine is taken away", () => {
  it("is gone on for by a new one: the same command, the old disk, each naming the other", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 2 });
    const code = await world.commit({ repo: { "train.py": "code", "state.txt": "from the code" }, label: { x: "x" } });
    const outputs = await world.commit({ "state.txt": "step 500", saved: { model: "weights" } });
    const first = await held(world, code);
    const ended = await reclaim(world, first, outputs);
    expect(ended).toMatchObject({ status: "interrupted", reasonCode: "machine-reclaimed", outputTree: outputs });
    const next = await run(world, ended.resumedAsRun);
    expect(next).toMatchObject({ resumedFromRun: first.id, labels: ["a"], attempt: expect.any(Number) });
    expect(next.spec).toEqual({ ...first.spec, codeTree: next.spec.codeTree });
    const at = async (path: string): Promise<string> => {
      const entry = await world.trees.find(next.spec.codeTree as Digest, path);
      if (entry?.kind !== "file") return expect.fail(`no file ${path}`);
      const pieces = [];
      for await (const piece of world.trees.readFile(entry.digest)) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    };
    expect(await at("repo/train.py")).toBe("code");
    expect(await at("repo/state.txt")).toBe("step 500");
    expect(await at("repo/saved/model")).toBe("weights");
    expect(await at("label/x")).toBe("x");
    expect((await placed(world, next.id)).attempt).toBe(1);
    const log = (await world.store.describeLog(next.id))?.before.map(({ text }) => text);
    expect(log?.[1]).toBe("Goes on for run 1, whose machine was taken away, with the files that were stored of it.");
    expect((await world.store.describeLog(first.id))?.after.at(-1)?.text).toContain("Another run goes on for run 1");
  });

  it("is gone on for once, however often its agent says so, and again when the next machine goes too", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 2 });
    const first = await held(world);
    await Promise.all([1, 2, 3].map(() => reclaim(world, first)));
    await reclaim(world, first);
    expect(await runCount(world)).toBe(2);
    const outputs = await world.commit({ a: "1" });
    const second = await placed(world, (await run(world, first.id)).resumedAsRun ?? 0);
    const third = await run(world, (await reclaim(world, second, outputs)).resumedAsRun);
    expect(third).toMatchObject({ resumedFromRun: second.id, spec: { codeTree: outputs, codeRoot: "" } });
    expect(await runCount(world)).toBe(3);
  });

  it("is not gone on for when its user stopped or killed it, nor when it ended in another way", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 9 });
    for (const verb of ["stop", "kill"] as const) {
      const going = await held(world);
      await world.lifecycle.request(ANN, going.id, verb);
      expect((await reclaim(world, going)).resumedAsRun).toBeUndefined();
    }
    const plain = await placed(world, (await world.addRun()).id);
    expect((await reclaim(world, plain)).resumedAsRun).toBeUndefined();
    const failed = await held(world);
    const { id: runId, attempt, leaseToken = "" } = failed;
    const result = { cause: "exit" as const, exitCode: 1, logEntries: 0 };
    await world.lifecycle.report("a1", [{ runId, attempt, leaseToken, history: [], result }]);
    expect((await run(world, runId)).resumedAsRun).toBeUndefined();
    expect(await runCount(world)).toBe(4);
  });

  it("ends without another in a workflow that takes no more runs, also one that was ended in that moment", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 2 });
    const { workflow } = await world.store.createLocalWorkflow({ owner: "ann", labels: [], createdAtMs: 1 }, "");
    const spec = { ...bareSpec(), autoResume: true };
    const [first, second] = [
      await world.addRun({ spec, workflowId: workflow.id }),
      await world.addRun({ spec, workflowId: workflow.id }),
    ];
    const [one, two] = [await placed(world, first.id), await placed(world, second.id)];
    const change = await reclaim(world, one);
    expect((await run(world, change.resumedAsRun)).workflowId).toBe(workflow.id);
    await world.store.requestWorkflow(workflow.id, "stop", "ann");
    expect(await reclaim(world, two)).toMatchObject({ status: "interrupted", resumedAsRun: undefined });
  });

  it("is gone on for by another run rather than tried again, and retries go with it", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const retry = toRetryPolicy({ limit: 5 });
    const ended = await reclaim(world, await held(world, undefined, { retry }));
    expect(ended.status).toBe("interrupted");
    expect((await run(world, ended.resumedAsRun)).spec).toMatchObject({ retry, autoResume: true });
  });

  it("is gone on for also when the machine went before it could say how it ended", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    world.connect("a2", { V100: 1 });
    const first = await held(world);
    world.sessions.noteReclaim("a1", true);
    await world.lifecycle.sweepLeases();
    for (let passed = 0; passed <= LEASE_MS + 2_000; passed += 1_000) {
      world.clock.monotonicMs += 1_000;
      world.leases.renew("a2");
      await world.lifecycle.sweepLeases();
    }
    const ended = await run(world, first.id);
    expect(ended).toMatchObject({ status: "interrupted", reasonCode: "machine-reclaimed" });
    expect(await run(world, ended.resumedAsRun)).toMatchObject({ resumedFromRun: first.id });
  });

  it("goes on with its code alone, and says so, when its files are no tree that can be laid over it", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const code = await world.commit({ repo: { "train.py": "code" } });
    const unknown = "f".repeat(64) as Digest;
    const ended = await reclaim(world, await held(world, code), unknown);
    const next = await run(world, ended.resumedAsRun);
    expect(next.spec.codeTree).toBe(code);
    const log = (await world.store.describeLog(next.id))?.before ?? [];
    expect(log.find(({ level }) => level === "warning")?.text).toContain("could not be laid over the code");
  });
});

describe("asking for it", () => {
  it("is refused where it would go on for something else than one run", async () => {
    await using world = await openWorld();
    const request = { ...bareSpec(), machineType: "", labels: [], hints: [], idempotent: false, autoResume: true };
    const asked = world.create.workflow(ANN, { run: request, labels: [] }, "");
    await expect(asked).rejects.toMatchObject({ code: "invalid-input", reason: "not-offered" });
  });
});
