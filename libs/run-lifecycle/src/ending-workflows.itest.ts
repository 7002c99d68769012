/** Stopping and killing workflows that are making runs at that very moment: none gets away. */
import { isFinal } from "@spell/domain";
import type { RunStore } from "@spell/run-store";
import { describe, expect, it } from "vitest";
import { archiveWorkflow } from "./archive-workflow.ts";
import type { Principal } from "./principal.ts";
import type { World } from "./test-support/world.ts";
import { ANN, openWorld, runRequest } from "./test-support/world.ts";

async function makeWorkflow(world: World): Promise<number> {
  return (await world.create.workflow(ANN, { run: runRequest(), labels: [] }, "")).workflow.id;
}

async function runsOf(world: World, workflowId: number) {
  return world.store.listRuns({ owner: "ann", workflowId, pageSize: 1_000 });
}

describe("a workflow that makes runs while it is ended", () => {
  it.each(["stop", "kill"] as const)(
    "%s: each creation is refused with a sentence, or its run ends too",
    async (verb) => {
      await using world = await openWorld();
      const workflowId = await makeWorkflow(world);
      const outcomes: Promise<PromiseSettledResult<unknown>>[] = [];
      let ending = false;
      // As a master does from many threads, before, while and after.
      const maker = async (thread: number): Promise<void> => {
        for (let number = 0; number < 10; number += 1) {
          const made = world.create.run(ANN, runRequest({ workflowId }), `${thread}/${number}`);
          outcomes.push(Promise.allSettled([made]).then(([outcome]) => outcome));
          await made.catch(() => undefined);
          if (thread === 3 && number === 4) {
            ending = true;
            await world.lifecycle.requestWorkflow(ANN, workflowId, verb);
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, thread) => maker(thread)));
      expect(ending).toBe(true);
      const settled = await Promise.all(outcomes);
      const runs = await runsOf(world, workflowId);
      expect(runs.filter((run) => !isFinal(run.status))).toEqual([]);
      expect(runs).toHaveLength(settled.filter(({ status }) => status === "fulfilled").length + 1);
      const refusals = settled.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
      expect(refusals.length).toBeGreaterThan(0);
      for (const refusal of refusals) expect(refusal).toMatchObject({ code: "conflict", reason: "workflow-ended" });
    },
  );

  it("refuses what its own master asks for while that is being stopped", async () => {
    await using world = await openWorld();
    const workflowId = await makeWorkflow(world);
    const [queued] = await runsOf(world, workflowId);
    if (queued === undefined) throw new Error("no master");
    const attempt = { number: 1, agentId: "a1", leaseToken: "lease", slots: [], atMs: 1 };
    await world.store.updateRun(queued.id, queued.version, { status: "running", startedAtMs: 2, attempt });
    await world.lifecycle.requestWorkflow(ANN, workflowId, "stop");
    expect(await world.store.findRun(queued.id)).toMatchObject({ status: "stopping" });
    const master: Principal = { kind: "run", userName: "ann", runId: queued.id, workflowId };
    await expect(world.create.run(master, runRequest(), "")).rejects.toMatchObject({
      reason: "workflow-ended",
      message: `Workflow ${workflowId} was stopped by ann: no run is added to it any more. Make a new workflow.`,
    });
    // A stop that takes too long is made a kill.
    await world.lifecycle.requestWorkflow(ANN, workflowId, "kill");
    expect(await world.store.findRun(queued.id)).toMatchObject({ status: "killing" });
  });

  it("of which the coordinator died in the middle is ended by the next one", async () => {
    await using world = await openWorld();
    const workflowId = await makeWorkflow(world);
    const worker = await world.create.run(ANN, runRequest({ workflowId }), "");
    const outside = await world.create.run(ANN, runRequest(), "");
    await world.store.requestWorkflow(workflowId, "kill", "ann");
    await world.lifecycle.endRequestedWorkflows();
    expect((await runsOf(world, workflowId)).map(({ status }) => status)).toEqual(["killed", "killed"]);
    expect(await world.store.findRun(worker.run.id)).toMatchObject({ requestedBy: "ann" });
    expect(await world.store.findRun(outside.run.id)).toMatchObject({ status: "machine_requested" });
    expect(await world.store.listWorkflowsToEnd()).toEqual([]);
  });

  it("whose master runs on the user's machine is ended also while it has no run, and takes none from then on", async () => {
    await using world = await openWorld();
    const { workflow } = await world.create.localWorkflow(ANN, [], "");
    await world.lifecycle.requestWorkflow(ANN, workflow.id, "stop");
    const late = world.create.run(ANN, runRequest({ workflowId: workflow.id }), "");
    await expect(late).rejects.toMatchObject({ reason: "workflow-ended" });
    const again = world.lifecycle.requestWorkflow(ANN, workflow.id, "stop");
    await expect(again).rejects.toMatchObject({ reason: "workflow-ended" });
  });
});

it("a master that has ended leaves its workers, and more may be added", async () => {
  await using world = await openWorld();
  const workflowId = await makeWorkflow(world);
  const worker = await world.create.run(ANN, runRequest({ workflowId }), "");
  const [master] = (await runsOf(world, workflowId)).filter(({ runType }) => runType === "workflow");
  await world.lifecycle.request(ANN, master?.id ?? 0, "kill");
  expect(await world.store.findRun(worker.run.id)).toMatchObject({ status: "machine_requested" });
  expect((await world.create.run(ANN, runRequest({ workflowId }), "")).existed).toBe(false);
});

it("an archive that a creation overtakes is refused, and may be said again", async () => {
  let overtake: (() => Promise<unknown>) | undefined;
  const slow = (store: RunStore): RunStore =>
    new Proxy(store, {
      get: (target, key) => {
        if (key !== "archiveWorkflow") return Reflect.get(target, key, target) as unknown;
        return async (id: number, atMs: number) => {
          await overtake?.();
          overtake = undefined;
          return target.archiveWorkflow(id, atMs);
        };
      },
    });
  await using world = await openWorld(slow);
  const workflowId = await makeWorkflow(world);
  const [master] = await runsOf(world, workflowId);
  await world.lifecycle.request(ANN, master?.id ?? 0, "kill");
  let late = 0;
  overtake = async () => (late = (await world.create.run(ANN, runRequest({ workflowId }), "")).run.id);
  const deps = { store: world.store, lifecycle: world.lifecycle, filing: world.filing, now: () => 9 };
  await expect(archiveWorkflow(deps, ANN, workflowId)).rejects.toMatchObject({ reason: "workflow-active" });
  await world.lifecycle.request(ANN, late, "kill");
  await archiveWorkflow(deps, ANN, workflowId);
  expect(await world.store.findWorkflow(workflowId)).toMatchObject({ archivedAtMs: 9 });
});
