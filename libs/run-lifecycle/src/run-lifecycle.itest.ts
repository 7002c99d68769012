/** The use cases on a real record: who may do what, races between users and agents, waiting, lost agents. */
import type { Digest, Phase } from "@spell/domain";
import { digestOf } from "@spell/spellfs";
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import type { AttemptReport, AttemptResult } from "./apply-report.ts";
import type { Principal } from "./principal.ts";
import type { World } from "./test-support/world.ts";
import { ANN, BOB, LEASE_MS, assignedTo, openWorld } from "./test-support/world.ts";

const TREE: Digest = digestOf(Buffer.from("outputs"));
const NO_SUCH_RUN = { name: "SpellError", code: "not-found", reason: "no-such-run" };

/** A run that agent a1 executes. */
function running(world: World, over: Parameters<World["addRun"]>[0] = {}) {
  return world.addRun(over, assignedTo("a1"), { status: "running", startedAtMs: world.clock.nowMs });
}

function report(runId: number, phases: readonly Phase[], result?: AttemptResult, leaseToken = "lease"): AttemptReport {
  return { runId, attempt: 1, leaseToken, history: phases.map((phase) => ({ phase, atMs: 0 })), result };
}

const EXITED: AttemptResult = { cause: "exit", exitCode: 0, outputTree: TREE, logEntries: 4 };

/** The news that the bus carried, as `run/status`. */
async function listen(world: World): Promise<string[]> {
  const news: string[] = [];
  await world.bus.subscribeStatus((each) => void news.push(`${each.runId}/${each.status}`));
  return news;
}

describe("seeing runs", () => {
  it("is for the owner and the owner's runs; nobody else learns that there is one", async () => {
    await using world = await openWorld();
    const run = await world.addRun({ workflowId: 3 });
    const sister: Principal = { kind: "run", userName: "ann", runId: 99, workflowId: 3 };
    for (const principal of [ANN, sister]) expect(await world.lifecycle.get(principal, run.id)).toEqual(run);
    const strangers: Principal[] = [
      BOB,
      { kind: "agent", agentId: "a1" },
      { kind: "run", userName: "bob", runId: 99, workflowId: 3 },
    ];
    for (const principal of strangers) {
      await expect(world.lifecycle.get(principal, run.id)).rejects.toMatchObject(NO_SUCH_RUN);
      await expect(world.lifecycle.request(principal, run.id, "kill")).rejects.toMatchObject({ name: "SpellError" });
    }
    // Outside its workflow a run reads but does not steer, and the environment is left out.
    const secret = await world.addRun({ spec: { ...run.spec, environment: { KEY: "secret" } }, workflowId: 4 });
    expect((await world.lifecycle.get(sister, secret.id)).spec.environment).toEqual({});
    expect((await world.lifecycle.list(sister, { pageSize: 1 }))[0]?.spec.environment).toEqual({});
    for (const verb of ["stop", "kill"] as const) {
      await expect(world.lifecycle.request(sister, secret.id, verb)).rejects.toMatchObject({ code: "forbidden" });
    }
    await expect(world.lifecycle.get(ANN, 12_345)).rejects.toMatchObject(NO_SUCH_RUN);
    expect(await world.store.findRun(run.id)).toEqual(run);
  });

  it("lists the owner's, newest first, in pages of a bounded size", async () => {
    await using world = await openWorld();
    for (let id = 1; id <= 60; id += 1) await world.addRun({ owner: id === 60 ? "bob" : "ann" });
    const ids = async (principal: Principal, page: { pageSize: number; beforeId?: number }) =>
      (await world.lifecycle.list(principal, page)).map((run) => run.id);
    expect(await ids(ANN, { pageSize: 2 })).toEqual([59, 58]);
    expect(await ids(ANN, { pageSize: 2, beforeId: 3 })).toEqual([2, 1]);
    expect(await ids(ANN, { pageSize: 0 })).toHaveLength(50);
    expect(await ids(ANN, { pageSize: -1 })).toHaveLength(50);
    expect(await ids(BOB, { pageSize: 10_000_000 })).toEqual([60]);
    expect(await ids({ kind: "run", userName: "ann", runId: 5 }, { pageSize: 2 })).toEqual([59, 58]);
  });
});

describe("stop and kill", () => {
  it("tell the agent and the world, and end a waiting run at once", async () => {
    await using world = await openWorld();
    const agent = world.connect("a1", {});
    const news = await listen(world);
    const [held, waiting] = [await running(world), await world.addRun()];
    expect(await world.lifecycle.request(ANN, held.id, "stop")).toMatchObject({
      status: "stopping",
      requestedBy: "ann",
    });
    expect(agent.pushes).toBe(1);
    expect(await world.lifecycle.request(ANN, waiting.id, "stop")).toMatchObject({
      status: "killed",
      reasonCode: "cancelled-before-start",
    });
    await waitFor("the news", () => news.length === 2);
    expect(news).toEqual([`${held.id}/stopping`, `${waiting.id}/killed`]);
  });

  it("may be said again, and are refused once the run has ended", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const first = await world.lifecycle.request(ANN, run.id, "stop");
    expect(await world.lifecycle.request(ANN, run.id, "stop")).toEqual(first);
    await world.lifecycle.report("a1", [report(run.id, [], EXITED)]);
    for (const verb of ["stop", "kill"] as const) {
      await expect(world.lifecycle.request(ANN, run.id, verb)).rejects.toMatchObject({
        code: "conflict",
        reason: "run-ended",
        message: `Run ${run.id}: the run has already ended (complete).`,
      });
    }
  });

  it("of a workflow reach all that have not ended, the master first", async () => {
    await using world = await openWorld();
    const { spec } = await world.addEnded("complete");
    const master = { owner: "ann", runType: "workflow", spec, requestHash: "", createdAtMs: 1 } as const;
    const { workflow, run } = await world.store.createWorkflow(
      { labels: [], run: { ...master, labels: [], notices: [] } },
      "",
    );
    const workflowId = workflow.id;
    const [worker, ended] = [
      await running(world, { workflowId }),
      await world.addEnded("failed", undefined, { workflowId }),
    ];
    const outside = await running(world);
    const news = await listen(world);
    await expect(world.lifecycle.requestWorkflow(BOB, workflowId, "kill")).rejects.toMatchObject({ code: "not-found" });
    await world.lifecycle.requestWorkflow(ANN, workflowId, "kill");
    await waitFor("the news", () => news.length === 2);
    expect(news).toEqual([`${run.id}/killed`, `${worker.id}/killing`]);
    expect(await world.store.findRun(ended.id)).toMatchObject({ status: "failed" });
    expect(await world.store.findRun(outside.id)).toMatchObject({ status: "running" });
    await world.lifecycle.report("a1", [report(worker.id, [], { cause: "kill", logEntries: 0 })]);
    await expect(world.lifecycle.requestWorkflow(ANN, workflowId, "stop")).rejects.toMatchObject({
      reason: "workflow-ended",
    });
  });

  it("against an exit at the same moment: one end, and a kill that was accepted wins", async () => {
    for (const verb of ["stop", "kill"] as const) {
      await using world = await openWorld();
      const runs = await Promise.all(Array.from({ length: 20 }, () => running(world)));
      const outcomes = await Promise.all(
        runs.flatMap((run, index) => {
          const asking = world.lifecycle.request(ANN, run.id, verb).then(
            () => "accepted",
            () => "refused",
          );
          const telling = world.lifecycle.report("a1", [report(run.id, ["saving", "pushing"], EXITED)]);
          return index % 2 === 0 ? [asking, telling] : [telling, asking];
        }),
      );
      const asked = outcomes.filter((outcome) => typeof outcome === "string");
      for (const [index, run] of runs.entries()) {
        const end = await world.store.findRun(run.id);
        const killed = verb === "kill" && asked[index] === "accepted";
        expect(end?.status).toBe(killed ? "killed" : "complete");
        expect(end?.outputTree).toBe(killed ? undefined : TREE);
        const after = (await world.store.describeLog(run.id))?.after ?? [];
        expect(after.filter((entry) => entry.text.startsWith(`Run ${run.id} `))).toHaveLength(1);
      }
    }
  });
});

describe("reports of agents", () => {
  it("end the run: record, log, attempt, news, and the next run may start", async () => {
    await using world = await openWorld();
    const agent = world.connect("a1", { CPU: 1 });
    const run = await running(world);
    const next = await world.addRun();
    await world.lifecycle.report("a1", [report(run.id, ["building", "running", "saving", "pushing"], EXITED)]);
    expect(await world.store.findRun(run.id)).toMatchObject({ status: "complete", userExitCode: 0, outputTree: TREE });
    expect(await world.store.describeLog(run.id)).toMatchObject({
      final: true,
      attempts: [{ number: 1, ended: true, logEntries: 4 }],
      after: [{ text: "Total run time: 0s" }, { text: `Run ${run.id} complete` }],
    });
    await waitFor("the next run", async () => (await world.store.findRun(next.id))?.status === "building");
    await waitFor("the agent to be told", () => agent.pushes > 0);
  });

  it("with a lease that is not in force change nothing and hurt nobody", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const stale: [string, AttemptReport][] = [
      ["a2", report(run.id, ["saving"], EXITED)],
      ["a1", report(run.id, ["saving"], EXITED, "an old lease")],
      ["a1", report(run.id, ["saving"], EXITED, "")],
      ["a1", { ...report(run.id, ["saving"], EXITED), attempt: 2 }],
      ["a1", { ...report(run.id, ["saving"], EXITED), attempt: 0 }],
      ["a1", report(12_345, ["saving"], EXITED)],
    ];
    for (const [agentId, each] of stale) await world.lifecycle.report(agentId, [each]);
    expect(await world.store.findRun(run.id)).toEqual(run);
  });

  it("of an attempt that was given up do not touch the next one", async () => {
    await using world = await openWorld();
    const first = await running(world);
    const change = { ...assignedTo("a2", { number: 2, leaseToken: "lease 2" }), status: "building" as const };
    const second = await world.store.updateRun(first.id, first.version, change);
    await world.lifecycle.report("a1", [report(first.id, ["pushing"], { ...EXITED, exitCode: 1 })]);
    expect(await world.store.findRun(first.id)).toEqual(second);
  });

  it("after the end, repeated or different, change nothing", async () => {
    await using world = await openWorld();
    const run = await running(world);
    await world.lifecycle.report("a1", [report(run.id, [], EXITED)]);
    const ended = await world.store.findRun(run.id);
    const log = await world.store.describeLog(run.id);
    const late = [EXITED, { ...EXITED, exitCode: 1 }, { cause: "kill", logEntries: 9 } as const, undefined];
    for (const result of late) await world.lifecycle.report("a1", [report(run.id, ["pushing"], result)]);
    expect(await world.store.findRun(run.id)).toEqual(ended);
    expect(await world.store.describeLog(run.id)).toEqual(log);
  });

  it("that say nothing new are no news", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const news = await listen(world);
    await world.lifecycle.report("a1", [report(run.id, ["building", "running"])]);
    await world.lifecycle.report("a1", [report(run.id, ["building", "running"]), report(12_345, [])]);
    await world.lifecycle.report("a2", [report(run.id, ["saving"])]);
    await world.lifecycle.report("a1", [report(run.id, ["building", "running", "saving"])]);
    await waitFor("the news", () => news.length > 0);
    expect(news).toEqual([`${run.id}/saving`]);
  });

  it("all arriving at once lead to one end", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const results: AttemptResult[] = [EXITED, { ...EXITED, exitCode: 1 }, { cause: "lost", logEntries: 0 }];
    await Promise.all(
      Array.from({ length: 15 }, (_, index) => world.lifecycle.report("a1", [report(run.id, [], results[index % 3])])),
    );
    const log = await world.store.describeLog(run.id);
    expect(log?.after.map((entry) => entry.text)).toEqual(["Total run time: 0s", `Run ${run.id} complete`]);
  });

  it("fail the snapshots that still wait for the run that ended", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const taking = world.snapshots.take(run, "repo").catch((error: unknown) => error);
    await world.lifecycle.report("a1", [report(run.id, [], EXITED)]);
    expect(await taking).toMatchObject({ reason: "snapshot-failed" });
  });
});

describe("leases", () => {
  it("are asked for by what an agent does for an attempt", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const lease = { runId: run.id, attempt: 1, token: "lease" };
    expect(await world.lifecycle.requireLease("a1", lease)).toEqual(run);
    const stale = { name: "SpellError", code: "stale-lease" };
    await expect(world.lifecycle.requireLease("a2", lease)).rejects.toMatchObject(stale);
    for (const over of [
      { token: "" },
      { token: "x" },
      { attempt: 2 },
      { runId: 99 },
      { runId: -1 },
      { runId: Number.NaN },
    ]) {
      await expect(world.lifecycle.requireLease("a1", { ...lease, ...over })).rejects.toMatchObject(stale);
    }
    await world.lifecycle.report("a1", [report(run.id, [], EXITED)]);
    await expect(world.lifecycle.requireLease("a1", lease)).rejects.toMatchObject(stale);
  });

  it("that run out end the runs of the silent agent only, with the reason; what it says later is too late", async () => {
    await using world = await openWorld();
    const [lost, killing] = [await running(world), await running(world)];
    await world.lifecycle.request(ANN, killing.id, "kill");
    const alive = await world.addRun({}, assignedTo("a2"));
    for (let passedMs = 0; passedMs <= LEASE_MS; passedMs += 1_000) {
      expect(await world.store.findRun(lost.id)).toMatchObject({ status: "running" });
      world.clock.monotonicMs += 1_000;
      await world.lifecycle.report("a2", []);
      await world.lifecycle.sweepLeases();
    }
    expect(await world.store.findRun(lost.id)).toMatchObject({
      status: "interrupted",
      reasonCode: "agent-lost",
      reason: "Its agent was not heard for 61 s.",
    });
    expect(await world.store.findRun(killing.id)).toMatchObject({ status: "killed" });
    expect(await world.store.findRun(alive.id)).toEqual(alive);
    await world.lifecycle.report("a1", [report(lost.id, [], EXITED)]);
    expect(await world.store.findRun(lost.id)).toMatchObject({ status: "interrupted" });
    expect((await world.store.describeLog(lost.id))?.attempts).toEqual([{ number: 1, ended: true, segments: [] }]);
  });
});

describe("what an agent should be doing", () => {
  const GONE = { status: "interrupted", reasonCode: "process-lost" };

  it("does not include what it ran and no longer has: that run is over, and its command is not sent again", async () => {
    await using world = await openWorld();
    const agent = world.connect("a1", { CPU: 3 });
    const [ran, prepared] = [await running(world), await world.addRun({}, assignedTo("a1"))];
    const killing = await running(world);
    for (const { id } of [ran, killing]) await world.lifecycle.report("a1", [report(id, ["building", "running"])]);
    await world.lifecycle.request(ANN, killing.id, "kill");
    agent.reported = new Set([`${ran.id}/1`, `${killing.id}/1`]);
    const ids = async () => (await world.lifecycle.desired(agent)).map(({ run }) => run.id);
    expect(await ids()).toEqual([ran.id, prepared.id, killing.id]);
    agent.reported = new Set();
    expect(await ids()).toEqual([prepared.id]);
    expect(await world.store.findRun(ran.id)).toMatchObject(GONE);
    expect(await world.store.findRun(killing.id)).toMatchObject({ status: "killed" });
  });

  it("is not judged by what an older stream of the agent knew", async () => {
    await using world = await openWorld();
    const older = world.connect("a1", { CPU: 1 });
    world.connect("a1", { CPU: 1 });
    const run = await running(world);
    await world.lifecycle.report("a1", [report(run.id, ["building", "running"])]);
    expect((await world.lifecycle.desired(older)).map((each) => each.run.id)).toEqual([run.id]);
    expect(await world.store.findRun(run.id)).toMatchObject({ status: "running" });
  });
});

describe("waiting for a status", () => {
  const never = new AbortController().signal;

  it("answers at once, or at the change, or that it will never be", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const wait = (...statuses: string[]) =>
      world.lifecycle.waitStatus({ principal: ANN, runId: run.id, statuses }, never);
    expect(await wait("building")).toMatchObject({ reached: true, message: "" });
    const [complete, failed] = [wait("complete"), wait("failed")];
    await world.lifecycle.report("a1", [report(run.id, [], EXITED)]);
    expect(await complete).toMatchObject({ reached: true, run: { status: "complete" } });
    expect(await failed).toMatchObject({
      reached: false,
      message: `Run ${run.id} has ended as complete and is not failed. The command exited with code 0.`,
    });
  });

  it("works with the bus away", async () => {
    await using world = await openWorld();
    const run = await running(world);
    world.bus.setConnected(false);
    const waiting = world.lifecycle.waitStatus({ principal: ANN, runId: run.id, statuses: ["complete"] }, never);
    await world.lifecycle.report("a1", [report(run.id, [], EXITED)]);
    expect(await waiting).toMatchObject({ reached: true });
  });

  it("ends when the caller goes away", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const caller = new AbortController();
    const request = { principal: ANN, runId: run.id, statuses: ["complete"] };
    const waiting = world.lifecycle.waitStatus(request, caller.signal);
    caller.abort();
    expect(await waiting).toBeUndefined();
    expect(await world.lifecycle.waitStatus(request, caller.signal)).toBeUndefined();
  });

  it("refuses words that are no status, and runs that are not the caller's", async () => {
    await using world = await openWorld();
    const run = await running(world);
    const refused = { code: "invalid-input", reason: "bad-status" };
    for (const statuses of [[], ["done"], ["complete", ""], ["COMPLETE"]]) {
      const request = { principal: ANN, runId: run.id, statuses };
      await expect(world.lifecycle.waitStatus(request, never)).rejects.toMatchObject(refused);
    }
    const request = { principal: BOB, runId: run.id, statuses: ["complete"] };
    await expect(world.lifecycle.waitStatus(request, never)).rejects.toMatchObject(NO_SUCH_RUN);
  });
});
