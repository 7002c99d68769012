import { describe, expect, it } from "vitest";
import { ATTEMPT_CAUSES, PHASES } from "@spell/domain";
import type { AttemptReport } from "@spell/rpc";
import { EntryWriter, compressSegment } from "@spell/event-bus";
import { AgentServiceService, callMetadata } from "@spell/rpc";
import { waitFor } from "@spell/testing";
import type { Lease } from "../test-support/agent.ts";
import { OFFER, TestStream, archive, connectAgent, logEntry, report } from "../test-support/agent.ts";
import { callAny } from "../test-support/any-call.ts";
import { ask, lines, newRun } from "../test-support/api.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

/** An agent that holds a run. */
async function holdRun(world: World) {
  const agent = await connectAgent(world);
  const runId = await newRun(world);
  const { lease } = await agent.stream.attemptOf(runId);
  return { ...agent, runId, lease };
}

async function recorded(world: World, runId: number) {
  return (await world.services.store.findRun(runId)) ?? expect.unreachable("the run should be there");
}

describe("what an agent claims to have", () => {
  it("is never more than a machine can have, nor less than nothing, and goes by proper names", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    using other = await connectAgent(world);
    const most = 2 ** 31 - 1;
    const claims = [
      ...[
        { name: "CPU", slots: -1 },
        { name: "V100", slots: most },
        { name: "v100", slots: 1e9 },
      ],
      ...["", "a b", "x\ny", "\u001b[2J", "n".repeat(100_000)].map((name) => ({ name, slots: 1 })),
    ];
    for (const { stream } of [agent, other]) await stream.ask({ machineTypes: claims, controlSlots: most });
    const { machineTypes } = await call(world.accounts.listMachineTypes.bind(world.accounts), {}, world.ann);
    expect(machineTypes).toEqual([
      { name: "CPU", slots: 0, freeSlots: 0 },
      { name: "K80", slots: 0, freeSlots: 0 },
      { name: "v100", slots: 20_000, freeSlots: 20_000 },
    ]);
    const runId = await newRun(world);
    const { run } = await call(world.runs.getRun.bind(world.runs), { runId }, world.ann);
    expect(run?.reason).toBe("Waits for a free CPU slot (0 in all). It is next in line.");
    await agent.stream.ask({ machineTypes: [], controlSlots: -5 });
    await agent.stream.ask(OFFER);
    await agent.stream.attemptOf(runId);
  });
});

describe("what an agent reports", () => {
  it("moves a run forward only, whatever the order and the clock", async () => {
    await using world = await openWorld();
    const { stream, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    const { createdAtMs } = await recorded(world, runId);
    const at = (phase: string, atMs: number) => ({ phase, atMs });
    const history = [
      ...[at("nonsense", 1), at("complete", 1), at("running", Number.MAX_SAFE_INTEGER), at("mounting", -1)],
      ...[at("building", 5), at("running", 0), at("", 0)],
    ];
    await stream.ask({ ...OFFER, attempts: [{ ...report(lease, []), history }] });
    const run = await recorded(world, runId);
    expect(run).toMatchObject({ status: "running", passed: ["machine_requested", "building", "running"] });
    expect(run.startedAtMs).toBeGreaterThanOrEqual(createdAtMs);
    expect(run.startedAtMs).toBeLessThanOrEqual(Date.now());
    const early = [{ ...report(lease, []), history: [at("saving", -1e15)] }];
    await stream.ask({ ...OFFER, attempts: early });
    expect((await recorded(world, runId)).status).toBe("saving");
  });

  it("that is empty, unknown, twice there or absurd harms no run and no other agent", async () => {
    await using world = await openWorld();
    const { stream, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    using other = await connectAgent(world);
    const before = await recorded(world, runId);
    const absurd = [-1, 0, 2 ** 31 - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    const attempts: AttemptReport[] = [
      { lease: undefined, phase: "", history: [], result: undefined, stats: undefined },
      ...absurd.map((id) => report({ ...lease, runId: id }, ["running"], { cause: "exit", exitCode: 0 })),
      ...[-1, 0, 2 ** 31 - 1].map((attempt) => report({ ...lease, attempt }, [...PHASES], { cause: "exit" })),
      ...["", "nonsense", "EXIT", "__proto__"].map((cause) => report(lease, [], { cause, exitCode: 0 })),
      ...Array.from({ length: 5_000 }, (_each, index) => report({ runId: 1e6 + index, attempt: 1, token: "x" }, [])),
    ];
    await stream.ask({ ...OFFER, attempts });
    expect(await recorded(world, runId)).toEqual(before);
    await other.stream.ask(OFFER);
    const twice = [report(lease, ["running"]), report(lease, ["building"]), report(lease, ["running", "saving"])];
    await stream.ask({ ...OFFER, attempts: [...twice, ...twice] });
    expect(await recorded(world, runId)).toMatchObject({
      status: "saving",
      passed: ["machine_requested", "building", "running", "saving"],
    });
  });

  it("of a hundred thousand attempts at once, of one again and again, or of as many phases costs nobody else", async () => {
    await using world = await openWorld();
    const { stream, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    using other = await connectAgent(world);
    const before = await recorded(world, runId);
    const many = (length: number, of: (index: number) => AttemptReport) =>
      Array.from({ length }, (_each, index) => of(index));
    const ended = { cause: "exit", exitCode: 0 };
    const unknown = many(100_000, (index) =>
      report({ runId: 1e6 + index, attempt: index, token: "x" }, ["running"], ended),
    );
    const guessed = many(20_000, (index) => report({ ...lease, token: index.toString(16) }, [...PHASES], ended));
    for (const attempts of [unknown, guessed]) {
      const [answer] = await Promise.all([stream.ask({ ...OFFER, attempts }), other.stream.ask(OFFER)]);
      expect(answer.attempts).toMatchObject([{ lease: { runId } }]);
      expect(await recorded(world, runId)).toEqual(before);
    }
    await stream.ask({ ...OFFER, attempts: many(20_000, () => report(lease, ["running"])) });
    expect(await recorded(world, runId)).toMatchObject({ status: "running", version: before.version + 1 });
    const history = Array.from({ length: 20_000 }, (_each, index) => ({
      phase: PHASES[index % PHASES.length] ?? "",
      atMs: -index,
    }));
    await stream.ask({ ...OFFER, attempts: [{ ...report(lease, []), history: history.toReversed() }] });
    expect(await recorded(world, runId)).toMatchObject({ status: "pushing", version: before.version + 2 });
  });

  it("of phases that no run goes through moves it along its own way, or not at all", async () => {
    await using world = await openWorld();
    const { stream, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    const told = async (phases: string[]) => {
      const history = phases.map((phase) => ({ phase, atMs: Date.now() }));
      await stream.ask({ ...OFFER, attempts: [{ ...report(lease, []), phase: "ended", history }] });
      return (await recorded(world, runId)).status;
    };
    expect(await told(["complete", "killed", "stopping", "killing", "machine_requested"])).toBe("building");
    expect(await told(["mounting", "building", "mounting"])).toBe("mounting");
    expect(await told(["pushing", "running", "saving", "mounting"])).toBe("pushing");
    expect(await told(["running", "building"])).toBe("pushing");
    expect((await recorded(world, runId)).passed).toEqual(["machine_requested", "building", "mounting", "pushing"]);
  });

  it.each([-5, -(2 ** 40), 0, 2, 1e12])(
    "as the number of log entries (%d) does not hide how the run ended",
    async (logEntries) => {
      await using world = await openWorld();
      const { stream, token, runId, lease, ...agent } = await holdRun(world);
      using _ = agent;
      await archive(world, { token, lease, firstNumber: 0, texts: ["a", "b"] });
      await stream.ask({
        ...OFFER,
        attempts: [report(lease, ["running"], { cause: "exit", exitCode: 0, logEntries })],
      });
      for (const offset of [0, 1, 2, -1, -2]) {
        const values = await lines(world, `runs/ann/${runId}/logs`, { follow: true, offset });
        expect(values.at(-1)).toMatchObject({ finished: true });
        expect(values.at(-2), `from ${offset}`).toMatchObject({ log_entry: { log: `Run ${runId} complete` } });
      }
    },
  );

  it.each(ATTEMPT_CAUSES)("as the end of a run without any detail (%s) ends it with a reason", async (cause) => {
    await using world = await openWorld();
    const { stream, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    await stream.ask({ ...OFFER, attempts: [report(lease, [], { cause })] });
    const { body } = await ask(world, `runs/ann/${runId}`);
    expect(body["run"]).toMatchObject({
      reason_code: expect.stringMatching(/\w/),
      reason: expect.stringMatching(/\.$/),
    });
  });

  it("that cannot be read ends its stream and nothing else", async () => {
    await using world = await openWorld();
    const { token, runId, ...agent } = await holdRun(world);
    using _ = agent;
    const garbage = Buffer.from([0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    const { error } = await callAny(world, { ...AgentServiceService.sync }, callMetadata(token), garbage);
    expect(error?.code).toBeDefined();
    // Field 6, attempts, whose lease names run 2^63 - 1.
    const huge = Buffer.from([0x32, 0x0c, 0x0a, 0x0a, 0x08, ...Array<number>(8).fill(0xff), 0x7f]);
    expect((await callAny(world, { ...AgentServiceService.sync }, callMetadata(token), huge)).error).toBeDefined();
    using again = new TestStream(world, token);
    expect((await again.ask(OFFER)).attempts).toMatchObject([{ lease: { runId } }]);
  });
});

describe("a log segment", () => {
  const commit = (
    world: World,
    token: string,
    over: { lease: Lease; objectKey: string; firstNumber?: number; entries?: number; content?: Buffer },
  ) => {
    const segment = { firstNumber: 0, entries: 1, sizeBytes: 1, content: Buffer.alloc(0), ...over };
    return call(world.agents.commitLogSegment.bind(world.agents), segment, token);
  };

  it("lies where its attempt was told to put it, and nowhere else", async () => {
    await using world = await openWorld();
    const { token, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    const elsewhere = [
      ...[
        "",
        "packs/x",
        `logs/0/${runId}.1.0.x`,
        `logs/0/${runId + 1}.1.0`,
        `logs/0/${runId}.2.0`,
        `logs/0/${runId}.1.1`,
      ],
      ...[`logs/0/../0/${runId}.1.0`, `/logs/0/${runId}.1.0`, `logs/0/${runId}.1.0\0`, "../secrets.json"],
    ];
    const refused = { code: "invalid-input", reason: "bad-segment" };
    for (const objectKey of elsewhere) {
      await expect(commit(world, token, { lease, objectKey }), objectKey).rejects.toMatchObject(refused);
    }
    const prepare = (firstNumber: number) =>
      call(world.agents.prepareLogSegment.bind(world.agents), { lease, firstNumber }, token);
    await expect(prepare(-1)).rejects.toMatchObject(refused);
    const { objectKey } = await prepare(0);
    for (const over of [{ entries: -1 }, { firstNumber: -1 }, { firstNumber: 1 }]) {
      await expect(commit(world, token, { lease, objectKey, ...over })).rejects.toMatchObject(refused);
    }
    expect((await world.services.store.describeLog(runId))?.attempts[0]?.segments).toEqual([]);
  });

  it("may come along when it is small; put beforehand or not, it is read alike", async () => {
    await using world = await openWorld();
    const { token, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    const { agents, services } = world;
    const { objectKey, putUrl } = await call(agents.prepareLogSegment.bind(agents), { lease, firstNumber: 1 }, token);
    await archive(world, { token, lease, firstNumber: 0, texts: ["a"] });
    const first = (await services.store.describeLog(runId))?.attempts[0]?.segments[0];
    expect(first?.objectKey).toBe(`logs/0/${runId}.1.0`);
    const writer = new EntryWriter();
    writer.entry(logEntry("b"));
    const bytes = await compressSegment({ ...lease, firstNumber: 1 }, [writer.take().body]);
    expect((await fetch(putUrl, { method: "PUT", body: new Uint8Array(bytes) })).ok).toBe(true);
    await commit(world, token, { lease, objectKey, firstNumber: 1 });
    const read = await lines(world, `runs/ann/${runId}/logs`, { offset: 1 });
    expect(read).toMatchObject([{ log_entry: { log: "a" } }, { log_entry: { log: "b" } }, { finished: true }]);
    const content = Buffer.alloc(64 * 1024 + 1);
    const tooLarge = commit(world, token, { lease, objectKey: "", firstNumber: 2, content });
    await expect(tooLarge).rejects.toMatchObject({ code: "invalid-input", reason: "too-large" });
  });

  it("without entries does not stand in the way of the next one", async () => {
    await using world = await openWorld();
    const { token, runId, lease, ...agent } = await holdRun(world);
    using _ = agent;
    await commit(world, token, { lease, objectKey: `logs/0/${runId}.1.0`, entries: 0 });
    await archive(world, { token, lease, firstNumber: 0, texts: ["a"] });
    expect(await lines(world, `runs/ann/${runId}/logs`, { offset: 1 })).toMatchObject([
      { log_entry: { log: "a" } },
      { finished: true },
    ]);
  });
});

describe("the answer to a request for a copy", () => {
  it("that nobody waits for, or that is no tree, is refused or ignored", async () => {
    await using world = await openWorld();
    const { token, lease, ...agent } = await holdRun(world);
    using _ = agent;
    const answer = (tree: string, error = "") => {
      const { agents } = world;
      return call(agents.completeSnapshot.bind(agents), { snapshotId: "unknown", lease, tree, error }, token);
    };
    for (const tree of ["", "x", "../../etc"]) {
      await expect(answer(tree)).rejects.toMatchObject({ code: "invalid-input", reason: "bad-digest" });
    }
    await answer("0".repeat(64));
    await answer("", "gone");
    await waitFor("the coordinator to live", async () => (await ask(world, "users/me")).status === 200);
  });
});
