/** The operator steers machines: cordon, drain, remove; who may, and what each is told. */
import { describe, expect, it } from "vitest";
import { waitFor } from "@spell/testing";
import { OFFER, TestStream, connectAgent, joinAgent, report } from "../test-support/agent.ts";
import { ask, newRun, waitForStatus } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";
import { hashToken, newToken } from "@spell/run-lifecycle";

/** A world whose operator is olga. */
async function openFarm(): Promise<{ world: World; olga: string }> {
  const world = await openWorld();
  const olga = newToken("user");
  await world.services.store.ensureUser({ name: "olga", email: "o@example.org", createdAtMs: 1, operator: true });
  await world.services.store.addToken(hashToken(olga), { kind: "user", userName: "olga" }, 1);
  return { world, olga };
}

const place = (world: World, token: string, agent: string, placement: string) =>
  call(world.accounts.placeAgent.bind(world.accounts), { agent, placement }, token);
const remove = (world: World, token: string, agent: string) =>
  call(world.accounts.removeAgent.bind(world.accounts), { agent }, token);

async function only(world: World) {
  const { agents } = await call(world.accounts.listAgents.bind(world.accounts), {}, world.ann);
  expect(agents).toHaveLength(1);
  return agents[0];
}

describe("an agent", () => {
  it.each(["cordoned", "draining"])(
    "that is %s finishes what it has and takes nothing new, until it is open again",
    async (placement) => {
      const { world, olga } = await openFarm();
      await using _ = world;
      const agent = await connectAgent(world);
      const first = await newRun(world);
      const { lease } = await agent.stream.attemptOf(first);
      const running = { ...OFFER, attempts: [report(lease, ["running"])] };
      await agent.stream.ask(running);
      await place(world, olga, "box", placement);
      await place(world, olga, agent.id, placement);
      const second = await newRun(world);
      expect(await only(world)).toMatchObject({
        placement,
        connected: true,
        runs: 1,
        machineTypes: [{ freeSlots: 0 }],
      });
      const { run } = await call(world.runs.getRun.bind(world.runs), { runId: second }, world.ann);
      expect(run?.reason).toBe("Waits for an agent that takes new runs: all are draining or cordoned.");
      // A restart of the agent changes nothing.
      agent[Symbol.dispose]();
      await waitFor("the agent to be gone", () => world.services.sessions.find(agent.id) === undefined);
      using again = new TestStream(world, agent.token);
      const told = await again.ask({ ...running, instanceId: "another process" });
      expect(told.attempts).toMatchObject([{ lease }]);
      await again.ask({ ...OFFER, attempts: [report(lease, ["running"], { cause: "exit", exitCode: 0 })] });
      await waitForStatus(world, first, "complete");
      expect(await only(world)).toMatchObject({ placement, runs: 0 });
      expect((await again.ask(OFFER)).attempts).toEqual([]);
      await place(world, olga, "box", "open");
      await again.attemptOf(second);
    },
  );

  it("may be cordoned while it is away", async () => {
    const { world, olga } = await openFarm();
    await using _ = world;
    const { agentToken } = await joinAgent(world);
    await place(world, olga, "box", "cordoned");
    using stream = new TestStream(world, agentToken);
    await stream.ask(OFFER);
    const runId = await newRun(world);
    expect((await stream.ask(OFFER)).attempts).toEqual([]);
    await place(world, olga, "box", "open");
    await stream.attemptOf(runId);
  });

  it("that is removed ends with its runs: they are interrupted, its stream is ended and its credential dead", async () => {
    const { world, olga } = await openFarm();
    await using _ = world;
    using agent = await connectAgent(world);
    const runId = await newRun(world);
    const { lease, spec } = await agent.stream.attemptOf(runId);
    await agent.stream.ask({ ...OFFER, attempts: [report(lease, ["running"])] });
    expect(await remove(world, olga, "box")).toEqual({ name: "box", runs: 1 });
    const gone = { code: "unauthenticated", reason: "agent-removed", message: expect.stringMatching(/join again/) };
    expect(await waitFor("its stream to be ended", () => agent.stream.error)).toMatchObject(gone);
    const { body } = await ask(world, `runs/ann/${runId}`);
    expect(body["run"]).toMatchObject({
      ...{ status: "interrupted", reason_code: "agent-removed" },
      reason: "Its agent was removed from the farm by olga.",
    });
    using again = new TestStream(world, agent.token);
    again.say({ ...OFFER, attempts: [report(lease, ["running"], { cause: "exit", exitCode: 0 })] });
    expect(await waitFor("it to be refused", () => again.error)).toMatchObject(gone);
    const prepare = call(world.agents.prepareLogSegment.bind(world.agents), { lease, firstNumber: 0 }, agent.token);
    await expect(prepare).rejects.toMatchObject(gone);
    const token = spec?.environment["SPELL_TOKEN"] ?? "";
    await expect(call(world.accounts.whoAmI.bind(world.accounts), {}, token)).rejects.toMatchObject({
      reason: "bad-token",
    });
    await expect(remove(world, olga, "box")).rejects.toMatchObject({ code: "not-found", reason: "no-such-agent" });
    expect((await call(world.accounts.listAgents.bind(world.accounts), {}, world.ann)).agents).toEqual([]);
  });

  it("is given nothing by a pass of the scheduler under way while it is removed", async () => {
    const { world, olga } = await openFarm();
    await using _ = world;
    using agent = await connectAgent(world);
    const creating = Array.from({ length: 20 }, () => newRun(world));
    await remove(world, olga, agent.id);
    const ids = await Promise.all(creating);
    await world.services.dispatcher.settled();
    expect(await world.services.store.listHeld(agent.id)).toEqual([]);
    const runs = await Promise.all(ids.map((id) => world.services.store.findRun(id)));
    expect(new Set(runs.map((run) => run?.status))).not.toContain("building");
  });
});

describe("what cannot be done", () => {
  it("is refused with a sentence: who is no operator, no agent, two agents, no placement", async () => {
    const { world, olga } = await openFarm();
    await using _ = world;
    const { agentToken } = await joinAgent(world);
    for (const token of [world.ann, agentToken]) {
      await expect(place(world, token, "box", "cordoned")).rejects.toMatchObject({ code: "forbidden" });
      await expect(remove(world, token, "box")).rejects.toMatchObject({ code: "forbidden" });
    }
    for (const name of ["", "nobody", "BOX", "x".repeat(100_000), "\u001b[2J"]) {
      await expect(place(world, olga, name, "open")).rejects.toMatchObject({ reason: "no-such-agent" });
      await expect(remove(world, olga, name)).rejects.toMatchObject({ reason: "no-such-agent" });
    }
    for (const placement of ["", "OPEN", "__proto__", "removed"]) {
      await expect(place(world, olga, "box", placement)).rejects.toMatchObject({ reason: "bad-placement" });
    }
    const second = await joinAgent(world);
    await expect(remove(world, olga, "box")).rejects.toMatchObject({
      ...{ code: "conflict", reason: "ambiguous-agent" },
      message: expect.stringContaining(second.agentId),
    });
    expect(await remove(world, olga, second.agentId)).toEqual({ name: "box", runs: 0 });
    expect(await only(world)).toMatchObject({ placement: "open" });
  });
});
