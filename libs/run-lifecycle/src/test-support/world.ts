/** A coordinator's insides on real drivers in a temp folder: SQLite file, directory object store, in-process bus. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest, RunStatus } from "@spell/domain";
import { createMemoryBus } from "@spell/event-bus/memory";
import type { MemoryBus } from "@spell/event-bus/memory";
import { createDirectoryStore } from "@spell/object-store/directory";
import type { DirectoryStore } from "@spell/object-store/directory";
import type { NewRun, RunChange, RunRecord, RunStore } from "@spell/run-store";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import type { AgentSession } from "../agent-sessions.ts";
import { AgentSessions } from "../agent-sessions.ts";
import type { RunRequest } from "../create-runs.ts";
import { CommitTrees } from "../commit-trees.ts";
import { CreateRuns } from "../create-runs.ts";
import { Dispatcher } from "../dispatcher.ts";
import { FileRuns } from "../file-runs.ts";
import { Links } from "../links.ts";
import { Models } from "../models.ts";
import { Resources } from "../resources.ts";
import { Leases } from "../leases.ts";
import type { Principal } from "../principal.ts";
import { ResolveCode } from "../resolve-code.ts";
import { ResumeRuns } from "../resume-runs.ts";
import { RunChanges } from "../run-changes.ts";
import { RunLifecycle } from "../run-lifecycle.ts";
import { Snapshots } from "../snapshots.ts";
import { StopRules } from "../stop-rules.ts";
import { Authenticator } from "../tokens.ts";
import { TreeCatalog } from "../tree-catalog.ts";
import { Workspaces } from "../workspaces.ts";
import type { Files } from "./make-tree.ts";
import { makeTree } from "./make-tree.ts";
import { TestRepositories } from "./repositories.ts";
import { CREATED_AT_MS, bareSpec, runRecord } from "./records.ts";

export const ANN: Principal = { kind: "user", userName: "ann" };
export const BOB: Principal = { kind: "user", userName: "bob" };
/** How long an agent may be silent, milliseconds. */
export const LEASE_MS = 60_000;

/** Largest code, bytes. */
export const MAX_CODE_BYTES = 1024 * 1024;

/** An agent that is connected, and how often it was told. */
export interface TestAgent extends AgentSession {
  draining: boolean;
  pushes: number;
}

export interface World extends AsyncDisposable {
  store: RunStore;
  objects: DirectoryStore;
  bus: MemoryBus;
  sessions: AgentSessions;
  changes: RunChanges;
  trees: TreeCatalog;
  snapshots: Snapshots;
  leases: Leases;
  dispatcher: Dispatcher;
  lifecycle: RunLifecycle;
  filing: FileRuns;
  rules: StopRules;
  resources: Resources;
  links: Links;
  models: Models;
  create: CreateRuns;
  auth: Authenticator;
  workspaces: Workspaces;
  repositories: TestRepositories;
  /** Set by the test; nothing moves them but the test. */
  clock: { nowMs: number; monotonicMs: number };
  /** What background work reported. */
  errors: unknown[];
  connect(agentId: string, types: Record<string, number>, controlSlots?: number): TestAgent;
  /** Stores and commits a tree. */
  commit(files: Files): Promise<Digest>;
  /** A run in the record; changed as said. */
  addRun(run?: Partial<NewRun>, ...changes: RunChange[]): Promise<RunRecord>;
  /** A run that ended so, with these outputs if any. */
  addEnded(status: RunStatus, outputs?: Files, run?: Partial<NewRun>): Promise<RunRecord>;
}

/** Builds it; `wrapStore` lets a test look at or slow down what goes to the record. */
export async function openWorld(wrapStore: (store: RunStore) => RunStore = (store) => store): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "spell-lifecycle-"));
  const database = openSqliteRunStore(join(folder, "record.db"));
  const store = wrapStore(database);
  const secret = "the secret of a store that nobody reaches";
  const objects = await createDirectoryStore({
    root: join(folder, "objects"),
    publicUrl: "http://127.0.0.1:1",
    secret,
  });
  const bus = createMemoryBus();
  const clock = { nowMs: CREATED_AT_MS, monotonicMs: 1_000 };
  const now = (): number => clock.nowMs;
  const errors: unknown[] = [];
  const changes = new RunChanges(bus);
  await changes.start();
  const trees = new TreeCatalog(store, objects, now);
  const sessions = new AgentSessions(["K80"]);
  const snapshots = new Snapshots(sessions);
  const dispatcher = new Dispatcher({ store, sessions, changes, now, onError: (error) => errors.push(error) });
  const leases = new Leases({ leaseMs: LEASE_MS }, () => clock.monotonicMs);
  const lifecycle = new RunLifecycle({
    store,
    sessions,
    changes,
    dispatcher,
    snapshots,
    leases,
    resume: new ResumeRuns({ store, trees, now }),
    nonZeroExit: "failed",
    now,
  });
  const filing = new FileRuns({ store, lifecycle, changes, now });
  const repositories = new TestRepositories(folder);
  const workspaces = new Workspaces({ store, repositories, now });
  const commits = new CommitTrees({ store, trees, maxBytes: MAX_CODE_BYTES });
  const code = new ResolveCode({
    ...{ store, trees, snapshots, workspaces, commits, repositories },
    allowedProtocols: [],
  });
  const rules = new StopRules({ store, lifecycle, now });
  const create = new CreateRuns({ store, trees, sessions, code, now });
  const auth = new Authenticator(store, "the secret that signs the tokens of runs", now);
  const resources = new Resources({ store, trees });
  const links = new Links({ store, trees, now });
  const models = new Models({ store, trees, now });

  const connect: World["connect"] = (agentId, types, controlSlots = 0) => {
    const machineTypes = Object.entries(types).map(([name, slots]) => ({ name, slots }));
    const agent: TestAgent = {
      ...{ agentId, instanceId: `process of ${agentId}` },
      machineTypes,
      controlSlots,
      draining: false,
      reported: new Set(),
      pushes: 0,
      push: () => void (agent.pushes += 1),
      end: () => void sessions.disconnect(agent),
    };
    sessions.connect(agent);
    return agent;
  };
  const commit: World["commit"] = async (files) => {
    const { root, nodes, object, body } = makeTree(files);
    await objects.put(object.objectKey, body);
    await trees.commitTree({ root, objects: [object], nodes });
    return root;
  };
  const addRun: World["addRun"] = async (over, ...runChanges) => {
    const { spec } = runRecord();
    const fresh: NewRun = {
      ...{ owner: "ann", runType: "user", spec, labels: [], requestHash: "", createdAtMs: clock.nowMs, notices: [] },
      ...over,
    };
    let { run } = await store.createRun(fresh, "");
    for (const change of runChanges) run = (await store.updateRun(run.id, run.version, change)) ?? run;
    return run;
  };
  const addEnded: World["addEnded"] = async (status, outputs, run) => {
    const outputTree = outputs === undefined ? undefined : await commit(outputs);
    return addRun(run, { status, reasonCode: "exit-code", reason: "Over.", endedAtMs: clock.nowMs, outputTree });
  };
  const dispose = async (): Promise<void> => {
    await dispatcher.stop();
    await changes.stop();
    await bus.close();
    await database.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  return {
    ...{
      store,
      objects,
      bus,
      sessions,
      changes,
      trees,
      snapshots,
      leases,
      dispatcher,
      lifecycle,
      filing,
      rules,
      resources,
      links,
      models,
      create,
      auth,
    },
    ...{ workspaces, repositories, clock, errors, connect, commit, addRun, addEnded },
    [Symbol.asyncDispose]: dispose,
  };
}

/** An attempt of an agent, as the change that begins it. */
export function assignedTo(agentId: string, over: Partial<NonNullable<RunChange["attempt"]>> = {}): RunChange {
  const attempt = { number: 1, agentId, leaseToken: "lease", slots: [0], atMs: CREATED_AT_MS, ...over };
  return { status: "building", attempt };
}

/** A request that asks for as little as possible. */
export function runRequest(over: Partial<RunRequest> = {}): RunRequest {
  return { ...bareSpec(), machineType: "", labels: [], hints: [], idempotent: false, autoResume: false, ...over };
}
