/** The coordinator's composition root: reads the configuration, builds the parts, starts them, stops them in reverse order. */
import { SpellError, messageOf } from "@spell/domain";
import { createNatsBus } from "@spell/event-bus/nats";
import { createLogger } from "@spell/logging";
import type { ObjectStore } from "@spell/object-store";
import { createDirectoryStore, createStoreHandler } from "@spell/object-store/directory";
import { createS3Store } from "@spell/object-store/s3";
import {
  AgentSessions,
  Authenticator,
  CreateRuns,
  Dispatcher,
  Leases,
  RunChanges,
  RunLifecycle,
  Snapshots,
  TreeCatalog,
} from "@spell/run-lifecycle";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import type { CoordinatorConfig } from "./config.ts";
import { dataPaths, parseConfig } from "./config.ts";
import type { StoreHandler } from "./http/server.ts";
import { startHttpServer } from "./http/server.ts";
import { LogReader } from "./logs/log-reader.ts";
import { StoreLogRecord } from "./logs/store-log-record.ts";
import { LeaseSweeper } from "./loops/lease-sweeper.ts";
import { startGrpcServer } from "./rpc/server.ts";
import { loadFirstLogin, loadSecrets } from "./secrets.ts";
import type { Services } from "./services.ts";

const config = parseConfig(process.argv.slice(2));
const log = createLogger({ name: "coordinator", level: config.logLevel });

try {
  await start(config);
} catch (error) {
  if (!(error instanceof SpellError)) log.error({ err: error }, "start failed");
  process.stderr.write(`spell coordinator: ${messageOf(error)}\n`);
  process.exit(1);
}

async function start(settings: CoordinatorConfig): Promise<void> {
  const paths = dataPaths(settings.dataDir);
  const secrets = loadSecrets(paths.secrets);
  const store = openSqliteRunStore(paths.record);
  const login = await loadFirstLogin(paths.login, store, settings.bootstrapUser);
  const now = (): number => Date.now();
  const onError = (error: unknown): void => log.error({ err: error }, "background work failed");

  const bus = createNatsBus({
    servers: [settings.natsUrl],
    token: settings.natsToken,
    name: "coordinator",
    role: "coordinator",
    onProblem: (message) => log.warn({ problem: message }, "event bus"),
  });
  const changes = new RunChanges(bus);
  await changes.start();

  // The public URL holds the port, which is only known once HTTP listens: services are filled in below.
  const api = { url: `http://${settings.advertiseHost}:${settings.httpPort}` };
  const { objects, handler } = await openObjectStore(settings, {
    root: paths.objects,
    secret: secrets.storeSecret,
    api,
  });
  const trees = new TreeCatalog(store, objects);
  const sessions = new AgentSessions(settings.machineTypes);
  const snapshots = new Snapshots(sessions);
  const dispatcher = new Dispatcher({ store, sessions, changes, now, onError });
  const leases = new Leases({ leaseMs: settings.leaseMs }, () => performance.now());
  const lifecycle = new RunLifecycle({ store, sessions, changes, dispatcher, snapshots, leases, now });
  const services: Services = {
    store,
    objects,
    auth: new Authenticator(store, secrets.runSecret),
    create: new CreateRuns({ store, trees, sessions, snapshots, now }),
    lifecycle,
    dispatcher,
    sessions,
    snapshots,
    trees,
    changes,
    logs: new LogReader({ record: new StoreLogRecord(store, changes), objects, bus }),
    log,
    addresses: {
      coordinator: "",
      api: "",
      nats: { servers: [settings.advertiseNatsUrl], token: settings.natsToken },
    },
    now,
  };
  let ready = false;
  const http = await startHttpServer(services, {
    host: settings.host,
    port: settings.httpPort,
    store: handler,
    ready: () => ready,
  });
  api.url = `http://${settings.advertiseHost}:${http.port}`;
  services.addresses.api = api.url;
  const grpc = await startGrpcServer(services, { host: settings.host, port: settings.grpcPort });
  services.addresses.coordinator = `${settings.advertiseHost}:${grpc.port}`;
  const sweeper = new LeaseSweeper(lifecycle, onError);
  sweeper.start();
  dispatcher.kick();
  ready = true;
  log.info({ grpcPort: grpc.port, httpPort: http.port }, "coordinator ready");
  // The line that whoever started this process waits for.
  process.stdout.write(
    `${JSON.stringify({ ready: true, coordinator: services.addresses.coordinator, api: api.url, user: login.userName })}\n`,
  );

  const stop = async (): Promise<void> => {
    grpc.stop();
    await http.stop();
    await sweeper.stop();
    await dispatcher.stop();
    await changes.stop();
    await bus.close();
    await store.close();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop().catch((error: unknown) => {
        log.error({ err: error }, "stop failed");
        process.exit(1);
      });
    });
  }
}

async function openObjectStore(
  settings: CoordinatorConfig,
  embedded: { root: string; secret: string; api: { url: string } },
): Promise<{ objects: ObjectStore; handler?: StoreHandler }> {
  if (settings.s3 !== undefined) {
    const objects = createS3Store(settings.s3);
    await objects.ensureBucket();
    return { objects };
  }
  const objects = await createDirectoryStore({
    root: embedded.root,
    secret: embedded.secret,
    publicUrl: () => embedded.api.url,
  });
  return { objects, handler: createStoreHandler(objects) };
}
