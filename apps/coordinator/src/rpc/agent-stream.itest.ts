import { describe, expect, it } from "vitest";
import { RunSpec, WorkflowLabel } from "@spell/rpc";
import type { RunStore } from "@spell/run-store";
import { waitFor } from "@spell/testing";
import { OFFER, TestStream, connectAgent, joinAgent, report } from "../test-support/agent.ts";
import { newRun, waitForStatus } from "../test-support/api.ts";
import { commitFiles } from "../test-support/trees.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld, replacing } from "../test-support/world.ts";

async function machineTypes(world: World) {
  const { accounts } = world;
  return (await call(accounts.listMachineTypes.bind(accounts), {}, world.ann)).machineTypes;
}

async function end(world: World, verb: "stopRun" | "killRun", runId: number): Promise<void> {
  await call(world.runs[verb].bind(world.runs), { runId }, world.ann);
}

describe("what an agent offers", () => {
  it("is what runs may ask for, in number while it is connected and by name for ever", async () => {
    await using world = await openWorld();
    const agent = await connectAgent(world);
    const named = ["CPU", "V100"].map((name) => ({ name, slots: 3 }));
    await agent.stream.ask({ machineTypes: named });
    expect(await machineTypes(world)).toEqual([
      { name: "CPU", slots: 3, freeSlots: 3 },
      { name: "K80", slots: 0, freeSlots: 0 },
      { name: "V100", slots: 3, freeSlots: 3 },
    ]);
    agent[Symbol.dispose]();
    await waitFor("the agent to be gone", () => world.services.sessions.find(agent.id) === undefined);
    expect((await machineTypes(world)).at(-1)).toEqual({ name: "V100", slots: 0, freeSlots: 0 });
  });

  it("is nothing new while it drains, and again afterwards", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    await agent.stream.ask({ ...OFFER, draining: true });
    const runId = await newRun(world);
    const explained = await call(world.runs.getRun.bind(world.runs), { runId }, world.ann);
    expect(explained.run?.reason).toBe("Waits for an agent that takes new runs: all are draining or cordoned.");
    expect((await agent.stream.ask({ ...OFFER, draining: true })).attempts).toEqual([]);
    agent.stream.say(OFFER);
    await agent.stream.attemptOf(runId);
  });
});

describe("an attempt", () => {
  it("comes with all that the agent needs until it was reported, then by its lease alone", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const codeTree = await world.services.trees.wrap("repo", await commitFiles(world, { "a.py": "1" }));
    const spec = RunSpec.fromPartial({
      ...{ command: "python a.py", codeTree, codeRoot: "repo", environment: { A: "1" } },
    });
    const { run } = await call(
      world.runs.createRun.bind(world.runs),
      { spec, clientKey: "", idempotent: false },
      world.ann,
    );
    const runId = run?.id ?? 0;
    const attempt = await agent.stream.attemptOf(runId);
    expect(attempt).toEqual({
      lease: { runId, attempt: 1, token: expect.stringMatching(/^[0-9a-f]{32}$/) },
      action: "run",
      stats: false,
      spec: {
        ...{ command: "python a.py", machineType: "CPU", slots: [0], codeTree, codeRoot: "repo", cwd: "", mounts: [] },
        ...{ master: false, environment: expect.objectContaining({ A: "1", SPELL_RUN_ID: `${runId}` }) },
      },
    });
    const { lease } = attempt;
    expect((await agent.stream.ask(OFFER)).attempts).toEqual([attempt]);
    const known = { lease, action: "run", spec: undefined, stats: false };
    expect((await agent.stream.ask({ ...OFFER, attempts: [report(lease, [])] })).attempts).toEqual([known]);
    expect(agent.stream.responses.at(-1)).toMatchObject({
      ...{ eventBus: { servers: ["nats://bus.example:4222"], token: "bus token" }, reportEveryMs: 5_000 },
    });
  });

  it("is stopped and killed as soon as somebody wants it", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await newRun(world);
    const { lease } = await agent.stream.attemptOf(runId);
    await agent.stream.ask({ ...OFFER, attempts: [report(lease, ["running"])] });
    await end(world, "stopRun", runId);
    await agent.stream.sees("the stop", ({ attempts }) => attempts[0]?.action === "stop");
    await end(world, "killRun", runId);
    await agent.stream.sees("the kill", ({ attempts }) => attempts[0]?.action === "kill");
    const answer = await agent.stream.ask({ ...OFFER, attempts: [report(lease, ["running"], { cause: "kill" })] });
    expect(answer.attempts).toEqual([]);
    await waitForStatus(world, runId, "killed");
  });

  it("ends once: the same result again, and another one, change nothing", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await newRun(world);
    const { lease } = await agent.stream.attemptOf(runId);
    const ended = report(lease, ["building", "running"], { cause: "exit", exitCode: 0, logEntries: 0 });
    await agent.stream.ask({ ...OFFER, attempts: [ended, ended] });
    const recorded = await world.services.store.findRun(runId);
    expect(recorded).toMatchObject({
      status: "complete",
      userExitCode: 0,
      passed: expect.arrayContaining(["running"]),
    });
    for (const again of [
      ended,
      report(lease, ["saving"], { cause: "exit", exitCode: 1 }),
      report(lease, ["pushing"]),
    ]) {
      expect((await agent.stream.ask({ ...OFFER, attempts: [again] })).attempts).toEqual([]);
    }
    expect(await world.services.store.findRun(runId)).toEqual(recorded);
  });

  it("is changed by no lease but the one in force", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await newRun(world);
    const { lease } = await agent.stream.attemptOf(runId);
    using stranger = await connectAgent(world);
    const recorded = await world.services.store.findRun(runId);
    const result = { cause: "exit", exitCode: 0 };
    const stale = [{ token: "x" }, { token: "" }, { attempt: 0 }, { attempt: 2 }].map((over) => ({
      ...lease,
      ...over,
    }));
    await agent.stream.ask({ ...OFFER, attempts: stale.map((each) => report(each, ["running"], result)) });
    await stranger.stream.ask({ ...OFFER, attempts: [report(lease, ["running"], result)] });
    expect(await world.services.store.findRun(runId)).toEqual(recorded);
  });
});

describe("a connection that breaks", () => {
  it("is forgotten, and the next one is told the same", async () => {
    await using world = await openWorld();
    const agent = await connectAgent(world);
    const ids = [await newRun(world), await newRun(world)];
    for (const id of ids) await agent.stream.attemptOf(id);
    const before = await agent.stream.sees("both runs", ({ attempts }) => attempts.length === 2);
    agent[Symbol.dispose]();
    await waitFor("the agent to be gone", () => world.services.sessions.find(agent.id) === undefined);
    using again = new TestStream(world, agent.token);
    expect((await again.ask(OFFER)).attempts).toEqual(before.attempts);
    for (const id of ids) await waitForStatus(world, id, "building");
  });

  it("asks again for the copy of a directory that it was asked for", async () => {
    await using world = await openWorld();
    const agent = await connectAgent(world);
    const { workflows, runs, agents } = world;
    const codeTree = await world.services.trees.wrap("repo", await commitFiles(world, { "a.py": "1" }));
    const spec = RunSpec.fromPartial({ command: "true", codeTree, codeRoot: "repo" });
    const labels = [WorkflowLabel.fromPartial({ label: "code", path: "repo" })];
    const request = { spec, labels, clientKey: "", local: false };
    const { workflow } = await call(workflows.createWorkflow.bind(workflows), request, world.ann);
    const { lease } = await agent.stream.attemptOf(workflow?.managingRun?.id ?? 0);
    const state = { ...OFFER, attempts: [report(lease, ["building", "running"])] };
    await agent.stream.ask(state);
    const worker = RunSpec.fromPartial({ command: "true", commitLabel: "code", workflowId: workflow?.id });
    const creating = call(runs.createRun.bind(runs), { spec: worker, clientKey: "", idempotent: false }, world.ann);
    const asked = await agent.stream.sees("the request", ({ snapshots }) => snapshots.length === 1);
    expect(asked.snapshots[0]).toMatchObject({ lease, path: "repo" });
    agent[Symbol.dispose]();
    await waitFor("the agent to be gone", () => world.services.sessions.find(agent.id) === undefined);
    using again = new TestStream(world, agent.token);
    expect((await again.ask(state)).snapshots).toEqual(asked.snapshots);
    const tree = await world.services.trees.wrap("repo", await commitFiles(world, { "a.py": "2" }));
    const snapshotId = asked.snapshots[0]?.snapshotId ?? "";
    await call(agents.completeSnapshot.bind(agents), { snapshotId, lease, tree, error: "" }, agent.token);
    expect((await creating).run?.spec).toMatchObject({ codeTree: tree, codeRoot: "repo" });
    expect((await again.ask(state)).snapshots).toEqual([]);
  });

  it("while a report is being taken in does not leave the agent connected", async () => {
    const gate = Promise.withResolvers<void>();
    let arrived = false;
    await using world = await openWorld((store) =>
      replacing(store, "updateAgent", async (...change) => {
        arrived = true;
        await gate.promise;
        await store.updateAgent(...change);
      }),
    );
    const { agentId, agentToken } = await joinAgent(world);
    const stream = new TestStream(world, agentToken);
    for (let reports = 0; reports < 20; reports++) stream.say(OFFER);
    await waitFor("the first report to be taken in", () => arrived);
    // Asked on the same connection, so the other reports have come as well once this is answered.
    await machineTypes(world);
    stream[Symbol.dispose]();
    await waitFor("the agent to be gone", () => world.services.sessions.find(agentId) === undefined);
    gate.resolve();
    using other = await connectAgent(world);
    expect(world.services.sessions.present().map((session) => session.agentId)).toEqual([other.id]);
  });
});

describe("a second stream of the same agent", () => {
  it("takes over: the end of the first does not disconnect it", async () => {
    await using world = await openWorld();
    const first = await connectAgent(world);
    using second = new TestStream(world, first.token);
    await second.ask(OFFER);
    first.stream.call.end();
    await waitFor("the first stream to end", () => first.stream.ended);
    expect(first.stream.error).toBeUndefined();
    expect(world.services.sessions.find(first.id)).toBeDefined();
    await second.attemptOf(await newRun(world));
    expect(first.stream.responses.at(-1)?.attempts).toEqual([]);
  });

  it("ends the first as soon as that speaks again", async () => {
    await using world = await openWorld();
    using first = await connectAgent(world);
    using second = new TestStream(world, first.token);
    await second.ask({ ...OFFER, machineTypes: [{ name: "V100", slots: 1 }] });
    first.stream.say(OFFER);
    const error = await waitFor("the first stream to be ended", () => first.stream.error);
    expect(error).toMatchObject({ code: "conflict", reason: "stream-replaced" });
    expect((await machineTypes(world)).at(-1)).toEqual({ name: "V100", slots: 1, freeSlots: 1 });
    await second.ask(OFFER);
    await second.attemptOf(await newRun(world));
  });
});

describe("a second process with the credential of an agent", () => {
  const [first, second] = [{ instanceId: "the first" }, { instanceId: "the second" }];

  it("is refused while the first one lives, which is not disturbed", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world, first);
    const runId = await newRun(world);
    const { lease } = await agent.stream.attemptOf(runId);
    const state = { ...OFFER, ...first, attempts: [report(lease, ["running"])] };
    await agent.stream.ask(state);
    for (let tries = 0; tries < 3; tries++) {
      using copy = new TestStream(world, agent.token);
      copy.say({ ...OFFER, ...second, attempts: [report(lease, ["running"], { cause: "lost" })] });
      const error = await waitFor("the copy to be refused", () => copy.error);
      expect(error).toMatchObject({ code: "conflict", reason: "agent-in-use" });
    }
    expect((await agent.stream.ask(state)).attempts).toMatchObject([{ lease, action: "run" }]);
    await waitForStatus(world, runId, "running");
  });

  it("is let in once the first one's stream has ended, as that of a process that died does", async () => {
    await using world = await openWorld();
    const agent = await connectAgent(world, first);
    const { lease } = await agent.stream.attemptOf(await newRun(world));
    agent[Symbol.dispose]();
    await waitFor("the agent to be gone", () => world.services.sessions.find(agent.id) === undefined);
    using next = new TestStream(world, agent.token);
    expect((await next.ask({ ...OFFER, ...second })).attempts).toMatchObject([{ lease }]);
  });

  it("is let in once the first one has fallen silent, whose stream then ends when it speaks", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world, first);
    world.services.sessions.noteSilence(() => true);
    using next = new TestStream(world, agent.token);
    await next.ask({ ...OFFER, ...second });
    agent.stream.say({ ...OFFER, ...first });
    const error = await waitFor("the first stream to be ended", () => agent.stream.error);
    expect(error).toMatchObject({ reason: "stream-replaced" });
  });
});

describe("an agent that falls silent", () => {
  it("is shown so and given nothing new; heard again it is as before", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const { lease } = await agent.stream.attemptOf(await newRun(world));
    const state = { ...OFFER, attempts: [report(lease, ["running"])] };
    await agent.stream.ask(state);
    const { accounts } = world;
    const list = async () => (await call(accounts.listAgents.bind(accounts), {}, world.bob)).agents;
    expect(await list()).toMatchObject([{ connected: true, silent: false, runs: 1 }]);
    world.services.sessions.noteSilence(() => true);
    expect(await list()).toMatchObject([
      { connected: true, silent: true, runs: 1, machineTypes: [{ name: "CPU", slots: 4, freeSlots: 0 }] },
    ]);
    expect((await machineTypes(world))[0]).toEqual({ name: "CPU", slots: 0, freeSlots: 0 });
    const runId = await newRun(world);
    const { run } = await call(world.runs.getRun.bind(world.runs), { runId }, world.ann);
    expect(run).toMatchObject({ status: "machine_requested", reason: "Waits for an agent: none is connected." });
    agent.stream.say(state);
    await agent.stream.attemptOf(runId);
    expect(await list()).toMatchObject([{ silent: false, runs: 2 }]);
  });
});

describe("what the agent is told", () => {
  it("is the newest there is: nothing said between two answers is lost", async () => {
    const depth = { now: 0 };
    const opened: World[] = [];
    // After the record was read, an answer goes through a few more steps: in one of them somebody wants another one.
    const disturbed = (store: RunStore): RunStore =>
      replacing(store, "listHeld", async (agentId) => {
        const held = await store.listHeld(agentId);
        const steps = depth.now;
        depth.now = 0;
        if (steps > 0) void later(steps).then(() => opened[0]?.services.sessions.find(agentId ?? "")?.push());
        return held;
      });
    await using world = await openWorld(disturbed);
    opened.push(world);
    using agent = await connectAgent(world);
    for (let steps = 1; steps <= 30; steps++) {
      const before = agent.stream.responses.length;
      depth.now = steps;
      agent.stream.say(OFFER);
      await agent.stream.sees(`two answers (${steps})`, () => agent.stream.responses.length === before + 2);
    }
  });

  it("is not piled up while it does not read", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await newRun(world, { command: `: ${"x".repeat(100_000)}` });
    await agent.stream.attemptOf(runId);
    const before = agent.stream.responses.length;
    agent.stream.call.pause();
    const session = world.services.sessions.find(agent.id);
    let answers = 0;
    const desired = world.services.lifecycle.desired.bind(world.services.lifecycle);
    world.services.lifecycle.desired = async (asking) => {
      answers += 1;
      return desired(asking);
    };
    for (let push = 0; push < 500; push++) {
      session?.push();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(answers).toBeLessThan(100);
    await end(world, "killRun", runId);
    agent.stream.call.resume();
    await agent.stream.sees("the newest state", ({ attempts }) => attempts[0]?.action === "kill");
    expect(agent.stream.responses.length - before).toBeLessThan(100);
  });
});

/** Resolves after so many steps of the microtask queue. */
async function later(steps: number): Promise<void> {
  for (let step = 1; step < steps; step++) await Promise.resolve();
}
