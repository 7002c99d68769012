import { describe, expect, it } from "vitest";
import { waitFor } from "@spell/testing";
import { ListRunsRequest, RunSpec, WorkflowLabel, callMetadata, readStream } from "@spell/rpc";
import type { StreamLogsResponse } from "@spell/rpc";
import { OFFER, archive, connectAgent, joinAgent, report } from "../test-support/agent.ts";
import { commitFiles, makeFolder } from "../test-support/trees.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

const UNKNOWN = "0".repeat(64);
const spec = RunSpec.fromPartial({ command: "python train.py" });

async function createRun(world: World, over: Partial<RunSpec> = {}, clientKey = ""): Promise<number> {
  const { runs } = world;
  const request = { spec: { ...spec, ...over }, clientKey, idempotent: false };
  const { run } = await call(runs.createRun.bind(runs), request, world.ann);
  return run?.id ?? 0;
}

/** All parts of a log. */
async function readLog(
  world: World,
  request: { runId: number; offset: number; follow: boolean },
  signal?: AbortSignal,
) {
  const { runs } = world;
  const parts: StreamLogsResponse[] = [];
  const context = { metadata: callMetadata(world.ann), signal };
  for await (const part of readStream(runs.streamLogs.bind(runs), request, context)) parts.push(part);
  return parts;
}

describe("RunService", () => {
  it("creates a run once for a client key", async () => {
    await using world = await openWorld();
    const { runs } = world;
    const codeTree = await commitFolder(world);
    const asked = RunSpec.fromPartial({
      ...{
        command: "python train.py",
        machineType: "k80",
        codeTree,
        codeRoot: "repo",
        description: "d",
        labels: ["x"],
      },
      ...{ environment: { A: "1\n" }, gitCommit: "ab12" },
    });
    const create = () =>
      call(runs.createRun.bind(runs), { spec: asked, clientKey: "key", idempotent: false }, world.ann);
    const first = await create();
    expect(first).toEqual({
      alreadyExisted: false,
      run: {
        ...{ id: 1, spec: { ...asked, machineType: "K80" }, status: "machine_requested", owner: "ann" },
        ...{ reasonCode: "", reason: "", runType: "user", attempt: 0, agent: "", outputTree: "" },
        ...{ createdAtMs: expect.any(Number), startedAtMs: 0, endedAtMs: 0 },
        ...{
          projectId: 0,
          hyperSearchId: 0,
          archivedAtMs: 0,
          outputsDroppedAtMs: 0,
          attempts: [],
          resumedAsRun: 0,
          resumedFromRun: 0,
          notBeforeMs: 0,
        },
      },
    });
    expect(await create()).toEqual(first);
  });

  it("says why a run waits, and by whom it is executed", async () => {
    await using world = await openWorld();
    const { runs } = world;
    const runId = await createRun(world);
    const get = async () => (await call(runs.getRun.bind(runs), { runId }, world.ann)).run;
    expect((await get())?.reason).toBe("Waits for an agent: none is connected.");
    using agent = await connectAgent(world);
    await agent.stream.attemptOf(runId);
    expect(await get()).toMatchObject({ status: "building", reason: "", attempt: 1, agent: "box" });
  });

  it("lists from any place", async () => {
    await using world = await openWorld();
    const { runs } = world;
    const ids = [await createRun(world), await createRun(world), await createRun(world)];
    const list = async (pageSize: number, beforeId: number) => {
      const answer = await call(
        runs.listRuns.bind(runs),
        ListRunsRequest.fromPartial({ pageSize, beforeId }),
        world.ann,
      );
      return answer.runs.map((run) => run.id);
    };
    expect(await list(0, 0)).toEqual(ids.toReversed());
    expect(await list(2, 0)).toEqual([3, 2]);
    expect(await list(-1, 3)).toEqual([2, 1]);
    expect(await list(2 ** 31 - 1, 1)).toEqual([]);
    expect(await list(0, -5)).toEqual([]);
  });

  it("stops and kills, and answers how the run is then", async () => {
    await using world = await openWorld();
    const { runs } = world;
    for (const end of [runs.stopRun.bind(runs), runs.killRun.bind(runs)]) {
      const runId = await createRun(world);
      expect((await call(end, { runId }, world.ann)).run).toMatchObject({ id: runId, status: "killed" });
      const again = call(end, { runId }, world.ann);
      await expect(again).rejects.toMatchObject({ code: "conflict", reason: "run-ended" });
    }
  });

  it("holds a wait until there is a verdict, and forgets it when the caller leaves", async () => {
    await using world = await openWorld();
    const { runs } = world;
    const runId = await createRun(world);
    const wait = (statuses: string[], signal?: AbortSignal) => {
      const leaving = runs.waitStatus({ runId, statuses }, callMetadata(world.ann), (error, response) =>
        error === null ? verdict.resolve(response) : verdict.reject(error),
      );
      const verdict = Promise.withResolvers<unknown>();
      signal?.addEventListener("abort", () => leaving.cancel());
      return verdict.promise;
    };
    const leaving = new AbortController();
    const left = wait(["running"], leaving.signal);
    const waiting = wait(["killed", "running"]);
    await waitFor("both waits", () => world.held().waits === 2);
    leaving.abort();
    await expect(left).rejects.toThrow(/CANCELLED/);
    await waitFor("one wait", () => world.held().waits === 1);
    await call(runs.killRun.bind(runs), { runId }, world.ann);
    expect(await waiting).toMatchObject({ reached: true, message: "", run: { status: "killed" } });
    expect(await wait(["complete"])).toMatchObject({
      ...{ reached: false, run: { id: runId } },
      message: `Run ${runId} has ended as killed and is not complete. Cancelled by ann before it started.`,
    });
    expect(world.held().waits).toBe(0);
  });

  it("streams a log from an offset, and lets go of it when the caller leaves", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await createRun(world);
    const { lease } = await agent.stream.attemptOf(runId);
    await agent.stream.ask({ attempts: [report(lease, ["running"])] });
    await archive(world, { token: agent.token, lease, firstNumber: 0, texts: ["a", "b"] });
    const parts = await readLog(world, { runId, offset: -1, follow: false });
    expect(parts.flatMap((part) => part.entries.map((entry) => entry.text))).toEqual(["b"]);
    expect(parts.at(-1)).toEqual({ entries: [], nextOffset: 3, finished: true });
    const leaving = new AbortController();
    const reading = readLog(world, { runId, offset: 0, follow: true }, leaving.signal);
    await waitFor("the reader to follow", () => world.held().tails === 1);
    leaving.abort();
    await expect(reading).rejects.toMatchObject({ reason: "cancelled" });
    await waitFor("nothing to be held", () => world.held().tails + world.held().waits === 0);
  });
});

describe("WorkflowService", () => {
  it("creates one without a master run; its labels are settled, and each names one thing", async () => {
    await using world = await openWorld();
    const { workflows } = world;
    const label = (fields: Partial<WorkflowLabel>) => WorkflowLabel.fromPartial({ label: "code", ...fields });
    const create = (labels: WorkflowLabel[], fields = {}) => {
      const request = { spec: undefined, labels, clientKey: "", local: true, ...fields };
      return call(workflows.createWorkflow.bind(workflows), request, world.ann);
    };
    const codeTree = await commitFolder(world);
    const settled = label({ codeTree, codeRoot: "repo", gitCommit: "c1" });
    const { workflow } = await create([settled]);
    expect(workflow).toEqual({ id: 1, managingRun: undefined, labels: [settled], runIds: [] });
    const worker = await createRun(world, { workflowId: 1, commitLabel: "code" });
    const { run } = await call(world.runs.getRun.bind(world.runs), { runId: worker }, world.ann);
    expect(run?.spec).toMatchObject({ codeTree, codeRoot: "repo", gitCommit: "c1", workflowId: 1 });
    const archive = () => call(workflows.archiveWorkflow.bind(workflows), { workflowId: 1 }, world.ann);
    await expect(archive()).rejects.toMatchObject({ code: "conflict", reason: "workflow-active" });
    await call(workflows.killWorkflow.bind(workflows), { workflowId: 1 }, world.ann);
    await archive();
    await expect(archive()).rejects.toMatchObject({ reason: "no-such-workflow" });
    for (const bad of [{}, { path: "a", codeTree }, { codeTree: "x" }, { path: "a" }, { githubUrl: "ext::id" }]) {
      await expect(create([label(bad)]), JSON.stringify(bad)).rejects.toMatchObject({ code: "invalid-input" });
    }
    await expect(create([], { spec })).rejects.toMatchObject({ reason: "local-spec" });
    await expect(create([], { local: false })).rejects.toMatchObject({ reason: "no-spec" });
  });

  it.each(["stopWorkflow", "killWorkflow"] as const)(
    "creates a workflow with its master run; %s ends both",
    async (end) => {
      await using world = await openWorld();
      const { workflows } = world;
      const labels = [WorkflowLabel.fromPartial({ label: "code", path: "repo" })];
      const request = {
        spec: { ...spec, codeTree: await commitFolder(world), codeRoot: "repo" },
        labels,
        clientKey: "key",
        local: false,
      };
      const create = async () => (await call(workflows.createWorkflow.bind(workflows), request, world.ann)).workflow;
      const workflow = await create();
      const [workflowId, masterId] = [workflow?.id ?? 0, workflow?.managingRun?.id ?? 0];
      expect(workflow).toMatchObject({
        managingRun: { runType: "workflow", status: "machine_requested", spec: { workflowId } },
        ...{ labels, runIds: [masterId] },
      });
      expect(await create()).toEqual(workflow);
      const worker = await createRun(world, { workflowId, commitLabel: "code" });
      const read = async () => (await call(workflows.getWorkflow.bind(workflows), { workflowId }, world.ann)).workflow;
      expect((await read())?.runIds).toEqual([masterId, worker]);
      expect(await create()).toEqual(await read());
      await call(workflows[end].bind(workflows), { workflowId }, world.ann);
      expect((await read())?.managingRun?.status).toBe("killed");
      const again = call(workflows[end].bind(workflows), { workflowId }, world.ann);
      await expect(again).rejects.toMatchObject({ code: "conflict", reason: "workflow-ended" });
    },
  );
});

describe("TreeService", () => {
  it("takes a tree and gives it back, with places to fetch its files from", async () => {
    await using world = await openWorld();
    const { trees } = world;
    const files = { "a.txt": "one", "b.txt": "two" };
    const root = await commitFiles(world, files);
    const { node, blobs } = makeFolder(files);
    const digests = [...blobs.map((blob) => blob.digest), UNKNOWN];
    const missing = await call(trees.findMissing.bind(trees), { digests, targets: 1000, lease: undefined }, world.ann);
    expect(missing.missing).toEqual([UNKNOWN]);
    expect(missing.targets).toHaveLength(64);
    const read = async (digest: string, isFile: boolean) => {
      const parts = [];
      const context = { metadata: callMetadata(world.ann) };
      const request = { digest, isFile, lease: undefined };
      for await (const part of readStream(trees.readTree.bind(trees), request, context)) parts.push(part);
      return parts;
    };
    const [whole] = await read(root, false);
    expect(whole?.nodes.map((bytes) => Buffer.from(bytes))).toEqual([node]);
    const [object] = whole?.objects ?? [];
    expect(await (await fetch(object?.getUrl ?? "")).text()).toMatch(/^onetwo/);
    const [file] = await read(digests[1] ?? "", true);
    expect(file?.objects[0]?.blobs).toEqual([{ digest: digests[1], offset: 3, sizeBytes: 3 }]);
    await expect(read(UNKNOWN, false)).rejects.toMatchObject({ code: "not-found", reason: "no-such-tree" });
    await expect(read("../x", false)).rejects.toMatchObject({ code: "invalid-input", reason: "bad-digest" });
  });

  it("takes a small tree whole in one call", async () => {
    await using world = await openWorld();
    const { trees } = world;
    const { root, node, body, blobs } = makeFolder({ "a.txt": "one" });
    const request = { root, objects: [], nodes: [node], lease: undefined, pack: { content: body, blobs } };
    await call(trees.commitTree.bind(trees), request, world.ann);
    expect(await world.services.trees.find(root, "a.txt")).toMatchObject({ kind: "file", sizeBytes: 3 });
  });

  it("refuses a tree that is not what it says", async () => {
    await using world = await openWorld();
    const { trees } = world;
    const { root, node, body, blobs } = makeFolder({ "a.txt": "one" });
    const commit = (over: object) => {
      const request = { root, objects: [], nodes: [node], lease: undefined, pack: undefined, ...over };
      return call(trees.commitTree.bind(trees), request, world.ann);
    };
    await expect(commit({})).rejects.toMatchObject({ reason: "missing-blob" });
    await expect(commit({ root: UNKNOWN })).rejects.toMatchObject({ code: "invalid-input" });
    await expect(commit({ root: "x" })).rejects.toMatchObject({ reason: "bad-digest" });
    const pack = { content: body, blobs: blobs.map((blob) => ({ ...blob, digest: "x" })) };
    await expect(commit({ pack })).rejects.toMatchObject({ reason: "bad-digest" });
    for (const objectKey of ["packs/never-put", "../secrets.json", "logs/1/1/0"]) {
      const objects = [{ objectKey, sizeBytes: body.length, blobs }];
      await expect(commit({ objects })).rejects.toMatchObject({ code: "invalid-input", reason: "missing-object" });
    }
  });
});

describe("AccountService", () => {
  it("tells who is asking and what there is to run on", async () => {
    await using world = await openWorld();
    const { accounts } = world;
    const me = await call(accounts.whoAmI.bind(accounts), {}, world.bob);
    expect(me).toMatchObject({ userName: "bob", email: "bob@example.org", createdAtMs: 1, hasPassword: false });
    using agent = await connectAgent(world);
    await agent.stream.attemptOf(await createRun(world));
    const { machineTypes } = await call(accounts.listMachineTypes.bind(accounts), {}, world.ann);
    expect(machineTypes).toEqual([
      { name: "CPU", slots: 4, freeSlots: 3 },
      { name: "K80", slots: 0, freeSlots: 0 },
    ]);
  });

  it("lists the machines, with what is free on each, connected or not", async () => {
    await using world = await openWorld();
    const { accounts } = world;
    const list = async () => (await call(accounts.listAgents.bind(accounts), {}, world.bob)).agents;
    expect(await list()).toEqual([]);
    const agent = await connectAgent(world);
    await agent.stream.attemptOf(await createRun(world));
    const known = { id: agent.id, name: "box", draining: false, joinedAtMs: expect.any(Number) as number };
    expect(await list()).toMatchObject([
      { ...known, connected: true, machineTypes: [{ name: "CPU", slots: 4, freeSlots: 3 }] },
    ]);
    await agent.stream.ask({ ...OFFER, draining: true });
    expect(await list()).toMatchObject([{ draining: true, machineTypes: [{ name: "CPU", slots: 4, freeSlots: 0 }] }]);
    agent[Symbol.dispose]();
    await waitFor("the agent to be gone", () => world.services.sessions.find(agent.id) === undefined);
    expect(await list()).toMatchObject([
      { ...known, connected: false, machineTypes: [{ name: "CPU", slots: 4, freeSlots: 0 }] },
    ]);
  });

  it("takes feedback of people, bounded", async () => {
    await using world = await openWorld();
    const { accounts } = world;
    const send = (content: string) => call(accounts.sendFeedback.bind(accounts), { content }, world.ann);
    expect(await send("more GPUs, please")).toEqual({});
    for (const content of ["", "  ", "x".repeat(10_001)]) {
      await expect(send(content)).rejects.toMatchObject({ code: "invalid-input" });
    }
  });

  it("makes join tokens, each for one agent", async () => {
    await using world = await openWorld();
    const { accounts, agents } = world;
    const { joinToken } = await call(accounts.createJoinToken.bind(accounts), {}, world.ann);
    const join = (token: string) => call(agents.join.bind(agents), { joinToken: token, name: "" }, "");
    const [first, second] = await Promise.allSettled([join(joinToken), join(joinToken)]);
    expect([first.status, second.status].toSorted()).toEqual(["fulfilled", "rejected"]);
    const refused = { code: "unauthenticated", reason: "bad-join-token", message: expect.stringMatching(/make a new/) };
    for (const token of [joinToken, "", world.ann, (await joinAgent(world)).agentToken]) {
      await expect(join(token)).rejects.toMatchObject(refused);
    }
  });
});

async function commitFolder(world: World): Promise<string> {
  return world.services.trees.wrap("repo", await commitFiles(world, { "train.py": "print(1)" }));
}

describe("WorkspaceService", () => {
  it("lists what is the caller's, and removes it", async () => {
    await using world = await openWorld();
    const { workspaces } = world;
    const ann = { kind: "user", userName: "ann" } as const;
    const rootCommit = "a".repeat(40);
    const described = await world.services.workspaces.ensure(ann, { rootCommit, name: "old", description: "x" });
    const ensure = async (name: string) =>
      (await call(workspaces.ensureWorkspace.bind(workspaces), { rootCommit, name }, world.ann)).workspace;
    const made = await ensure("code");
    expect(made).toMatchObject({ id: described.id, name: "code", description: "x", rootCommit, owner: "ann" });
    await expect(ensure("..")).rejects.toMatchObject({ reason: "bad-code-root" });
    const code = { codeTree: await commitFolder(world), codeRoot: "repo", workspaceId: described.id };
    const runId = await createRun(world, code);
    const { run } = await call(world.runs.getRun.bind(world.runs), { runId }, world.ann);
    expect(run?.spec).toMatchObject(code);
    const bobs = { spec: RunSpec.fromPartial({ command: "true", ...code }), clientKey: "", idempotent: false };
    const stolen = call(world.runs.createRun.bind(world.runs), bobs, world.bob);
    await expect(stolen).rejects.toMatchObject({ reason: "no-such-workspace" });
    const list = async (token: string, name = "") =>
      (await call(workspaces.listWorkspaces.bind(workspaces), { name }, token)).workspaces;
    expect(await list(world.ann)).toEqual([made]);
    expect(await list(world.ann, "other")).toEqual([]);
    expect(await list(world.bob)).toEqual([]);
    const remove = (token: string) =>
      call(workspaces.removeWorkspace.bind(workspaces), { workspaceId: described.id }, token);
    await expect(remove(world.bob)).rejects.toMatchObject({ reason: "no-such-workspace" });
    await remove(world.ann);
    await expect(remove(world.ann)).rejects.toMatchObject({ reason: "no-such-workspace" });
  });
});
