import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import {
  AccountServiceService,
  AgentServiceService,
  HyperSearchSpec,
  HyperServiceService,
  LinkServiceService,
  ListRunsRequest,
  ModelServiceService,
  REASON_METADATA_KEY,
  ProjectServiceService,
  ResourceServiceService,
  StorageServiceService,
  RunServiceService,
  RunSpec,
  TreeServiceService,
  UploadServiceService,
  UserServiceService,
  WorkflowServiceService,
  WorkspaceServiceService,
  callMetadata,
  readStream,
} from "@spell/rpc";
import { newToken } from "@spell/run-lifecycle";
import type { AnyAnswer } from "../test-support/any-call.ts";
import { callAny, methodsOf } from "../test-support/any-call.ts";
import { connectAgent, report } from "../test-support/agent.ts";
import { newRun } from "../test-support/api.ts";
import { commitFiles } from "../test-support/trees.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

const USER_SERVICES = [
  ...[RunServiceService, WorkflowServiceService, WorkspaceServiceService, TreeServiceService],
  ...[AccountServiceService, UserServiceService, ProjectServiceService, HyperServiceService],
  ...[ResourceServiceService, UploadServiceService, LinkServiceService, ModelServiceService],
  StorageServiceService,
];
const WITHOUT_TOKEN = ["/spell.v1.AgentService/Join", "/spell.v1.UserService/LogIn"];

function codeAndReason({ error }: AnyAnswer): [number | undefined, string | undefined] {
  return [error?.code, error?.metadata.get(REASON_METADATA_KEY)[0]?.toString()];
}

/** What a user may ask, each call with a request that is otherwise right. */
function userCalls(world: World, token: string, runId: number): Record<string, () => Promise<unknown>> {
  const { runs, workflows, workspaces, accounts, users, projects, hyper } = world;
  const spec = RunSpec.fromPartial({ command: "true" });
  const repository = { rootCommit: "a".repeat(40), name: "x" };
  const workflow = { spec, labels: [], clientKey: "", local: false };
  const search = HyperSearchSpec.fromPartial({ kind: "grid" });
  const metric = { searchId: 1, name: "x" };
  const streaming = { runId, offset: 0, follow: false };
  return {
    createRun: () => call(runs.createRun.bind(runs), { spec, clientKey: "", idempotent: false }, token),
    getRun: () => call(runs.getRun.bind(runs), { runId }, token),
    listRuns: () => call(runs.listRuns.bind(runs), ListRunsRequest.fromPartial({}), token),
    addRunLabel: () => call(runs.addRunLabel.bind(runs), { runId, label: "x" }, token),
    removeRunLabel: () => call(runs.removeRunLabel.bind(runs), { runId, label: "x" }, token),
    archiveRun: () => call(runs.archiveRun.bind(runs), { runId }, token),
    stopRun: () => call(runs.stopRun.bind(runs), { runId }, token),
    killRun: () => call(runs.killRun.bind(runs), { runId }, token),
    waitStatus: () => call(runs.waitStatus.bind(runs), { runId, statuses: ["building"] }, token),
    streamLogs: () => readStream(runs.streamLogs.bind(runs), streaming, { metadata: callMetadata(token) }).next(),
    createWorkflow: () => call(workflows.createWorkflow.bind(workflows), workflow, token),
    archiveWorkflow: () => call(workflows.archiveWorkflow.bind(workflows), { workflowId: 1 }, token),
    ensureWorkspace: () => call(workspaces.ensureWorkspace.bind(workspaces), repository, token),
    listWorkspaces: () => call(workspaces.listWorkspaces.bind(workspaces), { name: "" }, token),
    removeWorkspace: () => call(workspaces.removeWorkspace.bind(workspaces), { workspaceId: 1 }, token),
    getWorkflow: () => call(workflows.getWorkflow.bind(workflows), { workflowId: 1 }, token),
    stopWorkflow: () => call(workflows.stopWorkflow.bind(workflows), { workflowId: 1 }, token),
    killWorkflow: () => call(workflows.killWorkflow.bind(workflows), { workflowId: 1 }, token),
    createHyperSearch: () => call(hyper.createHyperSearch.bind(hyper), { search, run: spec, clientKey: "" }, token),
    getHyperSearch: () => call(hyper.getHyperSearch.bind(hyper), { searchId: 1 }, token),
    listHyperSearches: () => call(hyper.listHyperSearches.bind(hyper), {}, token),
    stopHyperSearch: () => call(hyper.stopHyperSearch.bind(hyper), { searchId: 1 }, token),
    killHyperSearch: () => call(hyper.killHyperSearch.bind(hyper), { searchId: 1 }, token),
    archiveHyperSearch: () => call(hyper.archiveHyperSearch.bind(hyper), { searchId: 1 }, token),
    listHyperMetrics: () => call(hyper.listHyperMetrics.bind(hyper), { searchId: 1 }, token),
    readHyperMetric: () =>
      readStream(hyper.readHyperMetric.bind(hyper), metric, { metadata: callMetadata(token) }).next(),
    whoAmI: () => call(accounts.whoAmI.bind(accounts), {}, token),
    listAgents: () => call(accounts.listAgents.bind(accounts), {}, token),
    placeAgent: () => call(accounts.placeAgent.bind(accounts), { agent: "x", placement: "open" }, token),
    removeAgent: () => call(accounts.removeAgent.bind(accounts), { agent: "x" }, token),
    sendFeedback: () => call(accounts.sendFeedback.bind(accounts), { content: "x" }, token),
    createJoinToken: () => call(accounts.createJoinToken.bind(accounts), {}, token),
    logOut: () => call(users.logOut.bind(users), {}, token),
    changePassword: () => call(users.changePassword.bind(users), { oldPassword: "", newPassword: "x" }, token),
    createAccessToken: () => call(users.createAccessToken.bind(users), { name: "x" }, token),
    listAccessTokens: () => call(users.listAccessTokens.bind(users), {}, token),
    deleteAccessToken: () => call(users.deleteAccessToken.bind(users), { name: "x" }, token),
    addKey: () => call(users.addKey.bind(users), { title: "x", key: "ssh-ed25519 AAAA" }, token),
    listKeys: () => call(users.listKeys.bind(users), {}, token),
    getKey: () => call(users.getKey.bind(users), { id: 1 }, token),
    deleteKey: () => call(users.deleteKey.bind(users), { id: 1 }, token),
    listUsers: () => call(users.listUsers.bind(users), {}, token),
    createProject: () => call(projects.createProject.bind(projects), { name: "x", description: "", runIds: [] }, token),
    getProject: () => call(projects.getProject.bind(projects), { projectId: 1 }, token),
    listProjects: () => call(projects.listProjects.bind(projects), { archived: false }, token),
    editProject: () => call(projects.editProject.bind(projects), { projectId: 1, name: "x" }, token),
    archiveProject: () => call(projects.archiveProject.bind(projects), { projectId: 1 }, token),
    unarchiveProject: () => call(projects.unarchiveProject.bind(projects), { projectId: 1 }, token),
    addProjectRuns: () => call(projects.addProjectRuns.bind(projects), { projectId: 1, runIds: [] }, token),
    removeProjectRuns: () => call(projects.removeProjectRuns.bind(projects), { projectId: 1, runIds: [] }, token),
  };
}

/** What an agent may ask, about an attempt that is another agent's. */
function agentCalls(world: World, token: string, lease: { runId: number; attempt: number; token: string }) {
  const { agents, trees } = world;
  const content = Buffer.from("x");
  const segment = { lease, objectKey: "", firstNumber: 0, entries: 1, sizeBytes: 1, content };
  const tree = "0".repeat(64);
  return {
    prepareLogSegment: () => call(agents.prepareLogSegment.bind(agents), { lease, firstNumber: 0 }, token),
    commitLogSegment: () => call(agents.commitLogSegment.bind(agents), segment, token),
    commitMetricPoints: () =>
      call(agents.commitMetricPoints.bind(agents), { lease, firstNumber: 0, points: [] }, token),
    completeSnapshot: () =>
      call(agents.completeSnapshot.bind(agents), { snapshotId: "x", lease, tree, error: "" }, token),
    findMissing: () => call(trees.findMissing.bind(trees), { digests: [tree], targets: 1, lease }, token),
    commitTree: () =>
      call(trees.commitTree.bind(trees), { root: tree, objects: [], nodes: [], lease, pack: undefined }, token),
  };
}

/** The same about an object in parts, which users have too. */
function partCalls(world: World, token: string, lease: { runId: number; attempt: number; token: string }) {
  const { trees } = world;
  return {
    startMultipart: () => call(trees.startMultipart.bind(trees), { sizeBytes: 1, lease }, token),
    presignParts: () => call(trees.presignParts.bind(trees), { objectKey: "packs/x", numbers: [1], lease }, token),
    listParts: () => call(trees.listParts.bind(trees), { objectKey: "packs/x", lease }, token),
    completeMultipart: () =>
      call(trees.completeMultipart.bind(trees), { objectKey: "packs/x", parts: [], lease }, token),
    abortMultipart: () => call(trees.abortMultipart.bind(trees), { objectKey: "packs/x", lease }, token),
  };
}

describe("every call", () => {
  it("needs a token that is known", async () => {
    await using world = await openWorld();
    const services = [...USER_SERVICES, AgentServiceService];
    const methods = services.flatMap(methodsOf).filter(({ path }) => !WITHOUT_TOKEN.includes(path));
    expect(methods.length).toBeGreaterThan(18);
    const malformed = ["", "Bearer", "Bearer ", `Basic ${world.ann}`, `Bearer ${world.ann} x`, world.ann];
    for (const method of methods) {
      expect(codeAndReason(await callAny(world, method, new Metadata())), method.path).toEqual([
        status.UNAUTHENTICATED,
        "no-token",
      ]);
      const unknown = callMetadata(newToken("user"));
      expect(codeAndReason(await callAny(world, method, unknown)), method.path).toEqual([
        status.UNAUTHENTICATED,
        "bad-token",
      ]);
    }
    const whoAmI = { ...AccountServiceService.whoAmI };
    for (const text of malformed) {
      const metadata = new Metadata();
      metadata.set("authorization", text);
      expect(codeAndReason(await callAny(world, whoAmI, metadata)), text).toEqual([status.UNAUTHENTICATED, "no-token"]);
    }
  });

  it("of a user is refused to an agent", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await newRun(world);
    // The agent executes this run and yet it is not the agent's to see.
    await agent.stream.attemptOf(runId);
    for (const [name, ask] of Object.entries(userCalls(world, agent.token, runId))) {
      const looking = ["getRun", "waitStatus", "streamLogs"].includes(name);
      await expect(ask(), name).rejects.toMatchObject({ code: looking ? "not-found" : "forbidden" });
    }
    expect((await call(world.runs.getRun.bind(world.runs), { runId }, world.ann)).run?.status).toBe("building");
  });

  it("of an agent is refused to users and runs", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const { lease, spec } = await agent.stream.attemptOf(await newRun(world));
    for (const token of [world.ann, spec?.environment["SPELL_TOKEN"] ?? ""]) {
      const { findMissing: _find, commitTree: _commit, ...agentsOnly } = agentCalls(world, token, lease);
      for (const [name, ask] of Object.entries(agentsOnly)) {
        await expect(ask(), name).rejects.toMatchObject({ code: "forbidden", reason: "not-an-agent" });
      }
      const sync = await callAny(world, { ...AgentServiceService.sync }, callMetadata(token));
      expect(codeAndReason(sync)).toEqual([status.PERMISSION_DENIED, "not-an-agent"]);
    }
  });

  it("of an agent is good for the attempts that it holds, for as long as it holds them", async () => {
    await using world = await openWorld();
    using holder = await connectAgent(world);
    const runId = await newRun(world);
    const { lease } = await holder.stream.attemptOf(runId);
    using stranger = await connectAgent(world);
    const others = ["Join", "Sync", "CompleteRepair"];
    const covered = Object.keys(agentCalls(world, "", lease)).map((name) => name.toLowerCase());
    const missing = methodsOf(AgentServiceService).filter(({ path }) => {
      const name = path.split("/").at(-1) ?? "";
      return !others.includes(name) && !covered.includes(name.toLowerCase());
    });
    expect(missing).toEqual([]);
    const wrong = [
      ...[{ token: "x" }, { token: "" }, { attempt: 2 }, { attempt: -1 }, { runId: 99 }, { runId: -1 }].map((over) =>
        agentCalls(world, holder.token, { ...lease, ...over }),
      ),
      agentCalls(world, stranger.token, lease),
      partCalls(world, stranger.token, lease),
      partCalls(world, holder.token, { ...lease, token: "x" }),
    ];
    for (const [name, ask] of wrong.flatMap((calls) => Object.entries(calls))) {
      await expect(ask(), name).rejects.toMatchObject({ code: "stale-lease" });
    }
    const { commitTree, ...rest } = agentCalls(world, holder.token, lease);
    for (const ask of Object.values(rest)) await ask();
    await expect(commitTree()).rejects.toMatchObject({ code: "invalid-input" });
    await holder.stream.ask({ attempts: [report(lease, [], { cause: "exit", exitCode: 0 })] });
    for (const [name, ask] of Object.entries(agentCalls(world, holder.token, lease))) {
      await expect(ask(), name).rejects.toMatchObject({ code: "stale-lease" });
    }
  });

  it("to read a tree is good for an agent only where its attempt needs that tree", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const { trees, runs } = world;
    const files = await commitFiles(world, { "a.py": "1" });
    const codeTree = await world.services.trees.wrap("repo", files);
    const asked = RunSpec.fromPartial({ command: "true", codeTree, codeRoot: "repo" });
    const { run } = await call(runs.createRun.bind(runs), { spec: asked, clientKey: "", idempotent: false }, world.ann);
    const { lease, spec } = await agent.stream.attemptOf(run?.id ?? 0);
    const read = (token: string, over: object) => {
      const request = { digest: codeTree, isFile: false, lease: undefined, ...over };
      return readStream(trees.readTree.bind(trees), request, { metadata: callMetadata(token) }).next();
    };
    expect((await read(agent.token, { lease })).value).toMatchObject({ nodes: [expect.any(Uint8Array)] });
    const notNeeded = { code: "forbidden", reason: "not-needed" };
    await expect(read(agent.token, { lease, digest: files })).rejects.toMatchObject(notNeeded);
    await expect(read(agent.token, {})).rejects.toMatchObject({ code: "stale-lease" });
    await expect(read(spec?.environment["SPELL_TOKEN"] ?? "", {})).rejects.toMatchObject(notNeeded);
  });

  it("of a run is good for its own work, not for making agents", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const { accounts } = world;
    const { spec } = await agent.stream.attemptOf(await newRun(world));
    const token = spec?.environment["SPELL_TOKEN"] ?? "";
    expect(await call(accounts.whoAmI.bind(accounts), {}, token)).toMatchObject({ userName: "ann" });
    await expect(call(accounts.createJoinToken.bind(accounts), {}, token)).rejects.toMatchObject({ code: "forbidden" });
    const usersOnly = { code: "forbidden", reason: "users-only" };
    await expect(call(accounts.listAgents.bind(accounts), {}, token)).rejects.toMatchObject(usersOnly);
    const feedback = { content: "x" };
    await expect(call(accounts.sendFeedback.bind(accounts), feedback, token)).rejects.toMatchObject(usersOnly);
  });
});
