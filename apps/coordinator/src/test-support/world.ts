/** Both servers of a coordinator on free ports: SQLite and directory store in a temp folder, in-process bus, real clients. */
import { join } from "node:path";
import { createMemoryBus } from "@spell/event-bus/memory";
import type { MemoryBus } from "@spell/event-bus/memory";
import { createLogger } from "@spell/logging";
import { createDirectoryStore, createStoreHandler } from "@spell/object-store/directory";
import {
  AccountServiceClient,
  AgentServiceClient,
  MetricServiceClient,
  StatsServiceClient,
  ProjectServiceClient,
  HyperServiceClient,
  RunServiceClient,
  StorageServiceClient,
  TreeServiceClient,
  UserServiceClient,
  WorkflowServiceClient,
  WorkspaceServiceClient,
  callMetadata,
  callUnary,
  channelCredentials,
  channelOptions,
} from "@spell/rpc";
import type { UnaryMethod } from "@spell/rpc";
import { hashToken, newToken } from "@spell/run-lifecycle";
import type { GarbageRules } from "@spell/run-lifecycle";
import type { RunStore } from "@spell/run-store";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import { tempFolder } from "@spell/testing";
import { buildServices } from "../build-services.ts";
import type { GitOptions } from "../git/open-git.ts";
import { openGit } from "../git/open-git.ts";
import { HttpFront } from "../http/http-front.ts";
import { createHttpApi } from "../http/server.ts";
import { SOLE_LEAD, standsBy } from "../leadership/lead.ts";
import { GrpcFront } from "../rpc/grpc-front.ts";
import { GRPC_SERVICES, serveGrpc } from "../rpc/server.ts";
import type { Services } from "../services.ts";

export interface World extends AsyncDisposable {
  services: Services;
  bus: MemoryBus;
  /** Tokens of two users, ann and bob. */
  ann: string;
  bob: string;
  /** `http://127.0.0.1:PORT` */
  api: string;
  /** `127.0.0.1:PORT` */
  grpc: string;
  runs: RunServiceClient;
  workflows: WorkflowServiceClient;
  workspaces: WorkspaceServiceClient;
  trees: TreeServiceClient;
  storage: StorageServiceClient;
  accounts: AccountServiceClient;
  projects: ProjectServiceClient;
  users: UserServiceClient;
  agents: AgentServiceClient;
  metrics: MetricServiceClient;
  stats: StatsServiceClient;
  hyper: HyperServiceClient;
  /** What was logged as an error of ours. Whatever is left in here at the end fails the test. */
  errors: unknown[];
  /** Waits for news of a run, and live tails of a log, that nobody has ended. */
  held(): { waits: number; tails: number };
  /** How far the coordinator's clock is ahead of the machine's. */
  clock: { aheadMs: number };
  /** Its data. */
  folder: string;
  /** /readyz answers so. */
  ready: boolean;
}

/** Builds and starts it; `wrapStore` lets a test slow down or break the record. */
export async function openWorld(
  wrapStore: (store: RunStore) => RunStore = (store) => store,
  settings: { allowSignup?: boolean; git?: Partial<GitOptions>; garbage?: Partial<GarbageRules> } = {},
): Promise<World> {
  const folder = await tempFolder("spell-coordinator-");
  const database = openSqliteRunStore(join(folder.path, "record.db"));
  const addresses: Services["addresses"] = {
    coordinator: "",
    api: "",
    all: [],
    nats: { servers: ["nats://bus.example:4222"], token: "bus token" },
  };
  const objects = await createDirectoryStore({
    root: join(folder.path, "objects"),
    publicUrl: () => addresses.api,
    secret: "the secret of the store of one test",
  });
  const errors: unknown[] = [];
  const log = createLogger({ name: "coordinator", level: "silent" });
  log.error = (...facts: unknown[]) => void errors.push(facts);
  const bus = createMemoryBus();
  const tails = countTails(bus);
  const runSecret = "the secret that signs the tokens of runs";
  const clock = { aheadMs: 0 };
  const now = (): number => Date.now() + clock.aheadMs;
  const git = await openGit(
    database,
    {
      ...{ root: join(folder.path, "git"), secret: runSecret, maxBytes: 64 * 2 ** 20, seconds: 60 },
      ...{ allowedProtocols: [], network: {}, ...settings.git },
    },
    now,
  );
  const services = buildServices({
    lead: SOLE_LEAD,
    ...{ store: wrapStore(database), objects, bus, git, addresses, log },
    runSecret,
    uploadFolder: join(folder.path, "uploads"),
    machineTypes: ["K80"],
    allowSignup: settings.allowSignup ?? false,
    // Tests log in by the dozen.
    passwordCost: { N: 1024, r: 8, p: 1 },
    leaseMs: 60_000,
    nonZeroExit: "failed",
    garbage: { graceMs: 0, everyMs: 0, ...settings.garbage },
    now,
    onError: (error) => errors.push(error),
  });
  const waits = countWaits(services);
  await services.changes.start();
  const address = { host: "127.0.0.1", port: 0, refusal: () => standsBy(undefined) };
  const http = await HttpFront.listen(address);
  const api = await createHttpApi(services, {
    store: createStoreHandler(objects),
    git: git.handler,
    ready: () => world.ready,
  });
  http.serve(api.handle);
  addresses.api = `http://127.0.0.1:${http.port}`;
  const grpcServer = await GrpcFront.listen({ ...address, definitions: GRPC_SERVICES });
  serveGrpc(grpcServer, services);
  const grpc = `127.0.0.1:${grpcServer.port}`;
  addresses.coordinator = grpc;
  const options = [grpc, channelCredentials(), channelOptions(grpc)] as const;
  const clients = {
    runs: new RunServiceClient(...options),
    workflows: new WorkflowServiceClient(...options),
    workspaces: new WorkspaceServiceClient(...options),
    trees: new TreeServiceClient(...options),
    storage: new StorageServiceClient(...options),
    accounts: new AccountServiceClient(...options),
    projects: new ProjectServiceClient(...options),
    users: new UserServiceClient(...options),
    agents: new AgentServiceClient(...options),
    metrics: new MetricServiceClient(...options),
    stats: new StatsServiceClient(...options),
    hyper: new HyperServiceClient(...options),
  };
  const dispose = async (): Promise<void> => {
    for (const client of Object.values(clients)) client.close();
    grpcServer.stop();
    await http.stop();
    await api.close();
    await git.close();
    await services.hyperDriver.stop();
    await services.dispatcher.stop();
    await services.changes.stop();
    await bus.close();
    await database.close();
    await folder[Symbol.asyncDispose]();
    if (errors.length > 0) throw new AggregateError(errors.flat(), "the coordinator logged errors of its own");
  };
  const world: World = {
    ...{ services, bus, grpc, api: addresses.api, errors, clock, folder: folder.path, ...clients },
    ann: await addUser(database, "ann"),
    bob: await addUser(database, "bob"),
    held: () => ({ waits: waits(), tails: tails() }),
    ready: true,
    [Symbol.asyncDispose]: dispose,
  };
  return world;
}

/** One unary call with a token. Throws SpellError, whose cause is the error as it came over the wire. */
export function call<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  token: string,
): Promise<Response> {
  return callUnary(method, request, { metadata: callMetadata(token) });
}

/** The record with one method replaced. */
export function replacing<K extends keyof RunStore>(store: RunStore, name: K, method: RunStore[K]): RunStore {
  return new Proxy(store, {
    get: (target, property) => {
      if (property === name) return method;
      const value: unknown = Reflect.get(target, property);
      // The methods of a class with private fields work on the object itself alone.
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

async function addUser(store: RunStore, name: string): Promise<string> {
  const token = newToken("user");
  await store.ensureUser({ name, email: `${name}@example.org`, createdAtMs: 1 });
  await store.addToken(hashToken(token), { kind: "user", userName: name }, 1);
  return token;
}

function countTails(bus: MemoryBus): () => number {
  let open = 0;
  const subscribe = bus.subscribeLog.bind(bus);
  bus.subscribeLog = async (...request) => {
    open += 1;
    const subscription = await subscribe(...request);
    return {
      close: async () => {
        open -= 1;
        await subscription.close();
      },
    };
  };
  return () => open;
}

function countWaits({ changes }: Services): () => number {
  let waiting = 0;
  const next = changes.next.bind(changes);
  changes.next = async (...request) => {
    waiting += 1;
    await next(...request).finally(() => (waiting -= 1));
  };
  return () => waiting;
}
