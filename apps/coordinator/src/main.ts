/** The coordinator's composition root: reads the configuration, opens the ports and the record, serves, stops in reverse order. */
import { CommanderError } from "commander";
import { SpellError, messageOf } from "@spell/domain";
import { createLogger } from "@spell/logging";
import type { CoordinatorConfig } from "./config.ts";
import { dataPaths, parseConfig } from "./config.ts";
import { hostPort } from "./host-port.ts";
import { HttpFront } from "./http/http-front.ts";
import { SOLE_LEAD, standsBy } from "./leadership/lead.ts";
import { openObjects } from "./open-objects.ts";
import { openRecord } from "./open-record.ts";
import { restoreRecord } from "./restore-record.ts";
import { GrpcFront } from "./rpc/grpc-front.ts";
import { GRPC_SERVICES } from "./rpc/server.ts";
import { loadFirstLogin, loadSecrets } from "./secrets.ts";
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
  const secrets = loadSecrets(paths.secrets);
  const store = await openRecord(settings.database, paths);
  const login = await loadFirstLogin(paths.login, store, settings.bootstrapUser);
  const addresses: Services["addresses"] = {
    coordinator: "",
    // Put right once the ports are known, which may be any that are free.
    api: `http://${hostPort(settings.advertiseHost, settings.httpPort)}`,
    all: [],
    nats: { servers: [settings.advertiseNatsUrl], token: settings.natsToken },
  };
  const { objects, handler: storeHandler } = await openObjects(settings, {
    root: paths.objects,
    secret: secrets.storeSecret,
    publicUrl: () => addresses.api,
  });
  let ports: Ports | undefined;
  const openPorts = async (): Promise<Ports> => (ports = await listen(settings, addresses));
  const serving = await startServing({
    ...{ settings, secrets, lead: SOLE_LEAD, store, objects, storeHandler, addresses, openPorts, log },
  });
  log.info({ grpcPort: ports?.grpc.port, httpPort: ports?.http.port }, "coordinator ready");
  // The line that whoever started this process waits for.
  process.stdout.write(
    `${JSON.stringify({ ready: true, coordinator: addresses.coordinator, api: addresses.api, user: login.userName })}\n`,
  );

  const stop = async (): Promise<void> => {
    ports?.grpc.stop();
    await ports?.http.stop();
    await serving.stop();
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

/** Opens both ports; whoever asks is told that this coordinator stands by until it serves. */
async function listen(settings: CoordinatorConfig, addresses: Services["addresses"]): Promise<Ports> {
  const { host } = settings;
  const refusal = (): SpellError => standsBy(undefined);
  const http = await HttpFront.listen({ host, port: settings.httpPort, refusal });
  addresses.api = `http://${hostPort(settings.advertiseHost, http.port)}`;
  const grpc = await GrpcFront.listen({ host, port: settings.grpcPort, definitions: GRPC_SERVICES, refusal });
  addresses.coordinator = hostPort(settings.advertiseHost, grpc.port);
  return { grpc, http };
}
