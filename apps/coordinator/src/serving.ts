/** A coordinator that leads: its services on the record and the object store, the loops, and what its two ports answer. */
import { createNatsBus } from "@spell/event-bus/nats";
import type { Logger } from "@spell/logging";
import type { ObjectStore } from "@spell/object-store";
import type { RunStore } from "@spell/run-store";
import { buildServices } from "./build-services.ts";
import type { CoordinatorConfig } from "./config.ts";
import { dataPaths, networkVariables } from "./config.ts";
import { openGit } from "./git/open-git.ts";
import type { HttpFront } from "./http/http-front.ts";
import type { StoreHandler } from "./http/server.ts";
import { createHttpApi } from "./http/server.ts";
import type { Lead } from "./leadership/lead.ts";
import { Sweeper } from "./loops/sweeper.ts";
import type { GrpcFront } from "./rpc/grpc-front.ts";
import { serveGrpc } from "./rpc/server.ts";
import type { Secrets } from "./secrets.ts";
import type { Services } from "./services.ts";

/** How often leases that ran out, and uploads that nobody goes on with, are looked for. */
const LEASES_EVERY_MS = 1_000;
/** How often timeouts are looked at: they are in minutes. */
const RULES_EVERY_MS = 1_000;
/** For what a coordinator that died had been told to end. */
const WORKFLOWS_EVERY_MS = 10_000;
const UPLOADS_EVERY_MS = 600_000;
/** How often it is looked whether it is time to collect garbage. */
const GARBAGE_EVERY_MS = 600_000;

export interface ServingParts {
  settings: CoordinatorConfig;
  secrets: Secrets;
  lead: Lead;
  store: RunStore;
  objects: ObjectStore;
  /** Serves the bytes of an embedded object store. */
  storeHandler?: StoreHandler;
  addresses: Services["addresses"];
  /** Opens them, or gives those that are open since this coordinator stands by; sets the addresses that go with them. */
  openPorts(): Promise<Ports>;
  log: Logger;
}

export interface Ports {
  grpc: GrpcFront;
  http: HttpFront;
}

/** Serves until it is stopped, which ends everything that it was given but the two ports: those are closed before. */
export async function startServing(parts: ServingParts): Promise<{ stop(): Promise<void> }> {
  const { settings, secrets, lead, store, objects, addresses, log } = parts;
  const paths = dataPaths(settings.dataDir);
  const onError = (error: unknown): void => log.error({ err: error }, "background work failed");
  const now = (): number => Date.now();
  const bus = createNatsBus({
    servers: [settings.natsUrl],
    token: settings.natsToken,
    name: "coordinator",
    role: "coordinator",
    onProblem: (message) => log.warn({ problem: message }, "event bus"),
  });
  const git = await openGit(
    store,
    { root: paths.git, secret: secrets.runSecret, ...settings.git, network: networkVariables() },
    now,
  );
  const services = buildServices({
    ...{ lead, store, objects, bus, git, addresses, log, onError, now },
    uploadFolder: paths.uploads,
    runSecret: secrets.runSecret,
    machineTypes: settings.machineTypes,
    allowSignup: settings.allowSignup,
    leaseMs: settings.leaseMs,
    nonZeroExit: settings.nonZeroExit,
    garbage: settings.garbage,
  });
  const { changes, dispatcher } = services;
  await changes.start();
  let ready = false;
  const api = await createHttpApi(services, { store: parts.storeHandler, git: git.handler, ready: () => ready });
  const { grpc, http } = await parts.openPorts();
  http.serve(api.handle);
  serveGrpc(grpc, services);
  const sweepers = [
    new Sweeper({ sweep: () => sweepLeases(services), everyMs: LEASES_EVERY_MS, onError }),
    new Sweeper({ sweep: () => services.rules.sweep(), everyMs: RULES_EVERY_MS, onError }),
    new Sweeper({ sweep: () => services.lifecycle.endRequestedWorkflows(), everyMs: WORKFLOWS_EVERY_MS, onError }),
    new Sweeper({ sweep: () => services.uploads.sweep(), everyMs: UPLOADS_EVERY_MS, onError }),
    new Sweeper({ sweep: () => services.storage.sweep(), everyMs: GARBAGE_EVERY_MS, onError }),
  ];
  for (const sweeper of sweepers) sweeper.start();
  services.hyperDriver.start();
  dispatcher.kick();
  ready = true;
  return {
    stop: async () => {
      await api.close();
      await git.close();
      await services.storage.stop();
      for (const sweeper of sweepers) await sweeper.stop();
      await services.hyperDriver.stop();
      await dispatcher.stop();
      await changes.stop();
      await bus.close();
      await store.close();
    },
  };
}

/** Tells who has fallen silent, and ends what nobody holds any more. */
async function sweepLeases({ lifecycle, log }: Services): Promise<void> {
  for (const agentId of lifecycle.noticeSilence()) log.warn({ agentId }, "agent lost: it is silent");
  await lifecycle.sweepLeases();
}
