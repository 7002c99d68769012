/** The coordinator's composition root: reads the configuration, opens the ports and the record, serves, stops in reverse order. */
import { CommanderError } from "commander";
import { SpellError, messageOf } from "@spell/domain";
import { createLogger } from "@spell/logging";
import type { CoordinatorConfig } from "./config.ts";
import { dataPaths, parseConfig } from "./config.ts";
import { hostPort } from "./host-port.ts";
import { HttpFront } from "./http/http-front.ts";
import type { Candidacy, CandidacyOptions } from "./leadership/among-others.ts";
import { SOLE_LEAD, standsBy } from "./leadership/lead.ts";
import { openObjects } from "./open-objects.ts";
import { openRecord } from "./open-record.ts";
import { restoreRecord } from "./restore-record.ts";
import { GrpcFront } from "./rpc/grpc-front.ts";
import { GRPC_SERVICES } from "./rpc/server.ts";
import { loadFirstLogin, loadFirstLoginOfFarm, loadSecrets } from "./secrets.ts";
import type { Services } from "./services.ts";
import type { Ports } from "./serving.ts";
import { startServing } from "./serving.ts";

const config = readConfig();
const log = createLogger({ name: "coordinator", level: config.logLevel });

try {
  if (config.restore === undefined) await start(config);
  else {
    const record = { path: dataPaths(config.dataDir).record, database: config.database };
    process.stdout.write(`${await restoreRecord(record, config.restore, new Date())}\n`);
  }
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
  const addresses: Services["addresses"] = {
    coordinator: "",
    // Put right once the ports are known, which may be any that are free.
    api: `http://${hostPort(settings.advertiseHost, settings.httpPort)}`,
    all: [],
    nats: { servers: [settings.advertiseNatsUrl], token: settings.natsToken },
  };
  let ports: Ports | undefined;
  const openPorts = async (leader?: () => string | undefined): Promise<Ports> =>
    (ports ??= await listen(settings, { addresses, leader }));
  const candidacy = await standWhereSeveralMay(settings, addresses, openPorts);
  const secrets = candidacy?.secrets ?? loadSecrets(paths.secrets);
  const running: { serving?: { stop(): Promise<void> } } = {};
  onSignal(async () => {
    ports?.grpc.stop();
    await ports?.http.stop();
    await running.serving?.stop();
    await candidacy?.stop();
    process.exit(0);
  });
  const openStore = (): ReturnType<typeof openObjects> =>
    openObjects(settings, { root: paths.objects, secret: secrets.storeSecret, publicUrl: () => addresses.api });
  // A standby has it ready before it leads.
  const early = candidacy && (await openStore());
  const store = candidacy === undefined ? await openRecord(undefined, paths) : await candidacy.won();
  if (store === undefined) return;
  const loadLogin = candidacy === undefined ? loadFirstLogin : loadFirstLoginOfFarm;
  const login = await loadLogin(paths.login, store, settings.bootstrapUser);
  const { objects, handler: storeHandler } = early ?? (await openStore());
  const lead = candidacy?.lead ?? SOLE_LEAD;
  running.serving = await startServing({
    settings,
    secrets,
    lead,
    store,
    objects,
    storeHandler,
    addresses,
    openPorts,
    log,
  });
  log.info({ grpcPort: ports?.grpc.port, httpPort: ports?.http.port }, "coordinator ready");
  const { coordinator, api } = addresses;
  const user = login?.userName ?? settings.bootstrapUser;
  // The line that whoever started this process waits for.
  process.stdout.write(`${JSON.stringify({ ready: true, coordinator, api, user })}\n`);
}

/** Undefined where the record is a file, which belongs to one process alone. */
async function standWhereSeveralMay(
  settings: CoordinatorConfig,
  addresses: Services["addresses"],
  openPorts: CandidacyOptions["openPorts"],
): Promise<Candidacy | undefined> {
  const { database } = settings;
  if (database === undefined) return undefined;
  // The database's library takes some MiB, which SQLite does without.
  const { stand } = await import("./leadership/among-others.ts");
  return stand({ settings: { ...settings, database }, addresses, openPorts, log });
}

/** Stops in order at the first signal. */
function onSignal(stop: () => Promise<void>): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop().catch((error: unknown) => {
        log.error({ err: error }, "stop failed");
        process.exit(1);
      });
    });
  }
}

/** Opens both ports; whoever asks is told that this coordinator stands by until it serves. */
async function listen(
  settings: CoordinatorConfig,
  { addresses, leader }: { addresses: Services["addresses"]; leader?: () => string | undefined },
): Promise<Ports> {
  const { host } = settings;
  const refusal = (): SpellError => standsBy(leader?.());
  const http = await HttpFront.listen({ host, port: settings.httpPort, refusal });
  addresses.api = `http://${hostPort(settings.advertiseHost, http.port)}`;
  const grpc = await GrpcFront.listen({ host, port: settings.grpcPort, definitions: GRPC_SERVICES, refusal });
  addresses.coordinator = hostPort(settings.advertiseHost, grpc.port);
  return { grpc, http };
}
