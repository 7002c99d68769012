/** The coordinator's composition root: reads the configuration, builds the parts, starts them, stops them in reverse order. */
import { CommanderError } from "commander";
import { SpellError, messageOf } from "@spell/domain";
import { createNatsBus } from "@spell/event-bus/nats";
import { createLogger } from "@spell/logging";
import type { ObjectStore } from "@spell/object-store";
import { createDirectoryStore, createStoreHandler } from "@spell/object-store/directory";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import { buildServices } from "./build-services.ts";
import type { CoordinatorConfig } from "./config.ts";
import { dataPaths, networkVariables, parseConfig } from "./config.ts";
import { openGit } from "./git/open-git.ts";
import { hostPort } from "./host-port.ts";
import type { StoreHandler } from "./http/server.ts";
import { startHttpServer } from "./http/server.ts";
import { Sweeper } from "./loops/sweeper.ts";
import { startGrpcServer } from "./rpc/server.ts";
import { loadFirstLogin, loadSecrets } from "./secrets.ts";
import type { Services } from "./services.ts";

/** How often leases that ran out, and uploads that nobody goes on with, are looked for. */
const LEASES_EVERY_MS = 1_000;
/** How often timeouts are looked at: they are in minutes. */
const RULES_EVERY_MS = 1_000;
const UPLOADS_EVERY_MS = 600_000;
/** How often it is looked whether it is time to collect garbage. */
const GARBAGE_EVERY_MS = 600_000;

const config = readConfig();
const log = createLogger({ name: "coordinator", level: config.logLevel });

try {
  await start(config);
} catch (error) {
  if (!(error instanceof SpellError)) log.error({ err: error }, "start failed");
  process.stderr.write(`spell coordinator: ${messageOf(error)}\n`);
  process.exit(1);
}

function readConfig(): CoordinatorConfig {
  try {
    return parseConfig(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    process.stderr.write(`spell coordinator: ${error.message.replace(/^error: /, "")}\n`);
    process.exit(2);
  }
}

async function start(settings: CoordinatorConfig): Promise<void> {
  const paths = dataPaths(settings.dataDir);
  const secrets = loadSecrets(paths.secrets);
  const store = openSqliteRunStore(paths.record);
  const login = await loadFirstLogin(paths.login, store, settings.bootstrapUser);
  const onError = (error: unknown): void => log.error({ err: error }, "background work failed");
  const bus = createNatsBus({
    servers: [settings.natsUrl],
    token: settings.natsToken,
    name: "coordinator",
    role: "coordinator",
    onProblem: (message) => log.warn({ problem: message }, "event bus"),
  });
  // Ports may be any that are free: both addresses are put right once they are known.
  const addresses: Services["addresses"] = {
    coordinator: "",
    api: `http://${hostPort(settings.advertiseHost, settings.httpPort)}`,
    all: [],
    nats: { servers: [settings.advertiseNatsUrl], token: settings.natsToken },
  };
  const { objects, handler } = await openObjectStore(settings, {
    root: paths.objects,
    secret: secrets.storeSecret,
    publicUrl: () => addresses.api,
  });
  const now = (): number => Date.now();
  const git = await openGit(
    store,
    { root: paths.git, secret: secrets.runSecret, ...settings.git, network: networkVariables() },
    now,
  );
  const services = buildServices({
    ...{ store, objects, bus, git, addresses, log, onError },
    uploadFolder: paths.uploads,
    runSecret: secrets.runSecret,
    machineTypes: settings.machineTypes,
    allowSignup: settings.allowSignup,
    leaseMs: settings.leaseMs,
    nonZeroExit: settings.nonZeroExit,
    garbage: settings.garbage,
    now,
  });
  const { changes, dispatcher } = services;
  await changes.start();
  let ready = false;
  const http = await startHttpServer(services, {
    host: settings.host,
    port: settings.httpPort,
    store: handler,
    git: git.handler,
    ready: () => ready,
  });
  addresses.api = `http://${hostPort(settings.advertiseHost, http.port)}`;
  const grpc = await startGrpcServer(services, { host: settings.host, port: settings.grpcPort });
  addresses.coordinator = hostPort(settings.advertiseHost, grpc.port);
  const sweepers = [
    new Sweeper({ sweep: () => sweepLeases(services), everyMs: LEASES_EVERY_MS, onError }),
    new Sweeper({ sweep: () => services.rules.sweep(), everyMs: RULES_EVERY_MS, onError }),
    new Sweeper({ sweep: () => services.uploads.sweep(), everyMs: UPLOADS_EVERY_MS, onError }),
    new Sweeper({ sweep: () => services.storage.sweep(), everyMs: GARBAGE_EVERY_MS, onError }),
  ];
  for (const sweeper of sweepers) sweeper.start();
  services.hyperDriver.start();
  dispatcher.kick();
  ready = true;
  log.info({ grpcPort: grpc.port, httpPort: http.port }, "coordinator ready");
  // The line that whoever started this process waits for.
  process.stdout.write(
    `${JSON.stringify({ ready: true, coordinator: addresses.coordinator, api: addresses.api, user: login.userName })}\n`,
  );

  const stop = async (): Promise<void> => {
    grpc.stop();
    await http.stop();
    await git.close();
    await services.storage.stop();
    for (const sweeper of sweepers) await sweeper.stop();
    await services.hyperDriver.stop();
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

/** Tells who has fallen silent, and ends what nobody holds any more. */
async function sweepLeases({ lifecycle, log }: Services): Promise<void> {
  for (const agentId of lifecycle.noticeSilence()) log.warn({ agentId }, "agent lost: it is silent");
  await lifecycle.sweepLeases();
}

async function openObjectStore(
  settings: CoordinatorConfig,
  embedded: { root: string; secret: string; publicUrl: () => string },
): Promise<{ objects: ObjectStore; handler?: StoreHandler }> {
  if (settings.s3 !== undefined) {
    // Its library takes 13 MiB, which the embedded store does without.
    const { createS3Store } = await import("@spell/object-store/s3");
    const objects = createS3Store(settings.s3);
    await objects.ensureBucket();
    return { objects };
  }
  const objects = await createDirectoryStore(embedded);
  return { objects, handler: createStoreHandler(objects) };
}
