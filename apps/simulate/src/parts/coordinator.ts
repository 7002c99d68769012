/** One life of the coordinator, put together as its `main.ts` does, without what nothing here uses: HTTP, git, searches. */
import {
  SOLE_LEAD,
  Sweeper,
  buildServices,
  createAgentService,
  createRunService,
  createTreeService,
  createWorkflowService,
} from "@spell/coordinator/parts";
import type { ServiceOptions } from "@spell/coordinator/parts";
import { AgentServiceService, RunServiceService, TreeServiceService, WorkflowServiceService } from "@spell/rpc";
import type { RunStore } from "@spell/run-store";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import type { Network, Offered } from "../world/network.ts";
import type { Host } from "../world/host.ts";
import type { SimProcess } from "../world/world.ts";
import { asProcess, world } from "../world/world.ts";
import type { SimBus } from "./bus.ts";
import { simLogger } from "./logger.ts";
import type { SimObjects } from "./objects.ts";

export const COORDINATOR = "coordinator";
/** Longer than a coordinator takes to let a new process of an agent take the place of one that it has not heard of for a while. */
export const LEASE_MS = 25_000;
const SWEEP_EVERY_MS = 1_000;

export interface Surroundings {
  network: Network;
  bus: SimBus;
  objects: SimObjects;
}

/** The record as the setting up of a world uses it, before anybody lives. */
export function openRecord(): RunStore {
  return openSqliteRunStore(":memory:");
}

/** Starts a coordinator on the host; it serves once what it does at its start is done. */
export function startCoordinator(host: Host, around: Surroundings, number: number): SimProcess {
  const process: SimProcess = {
    name: `coordinator ${number}`,
    host,
    alive: true,
    startedAtMs: world().nowMs,
    onDeath: [],
  };
  world().history.tell(`${process.name} starts`);
  asProcess(process, () => {
    begin(process, around).catch((error: unknown) =>
      world().history.tell(`${process.name} did not start: ${String(error)}`),
    );
  });
  return process;
}

async function begin(process: SimProcess, { network, bus, objects }: Surroundings): Promise<void> {
  const log = simLogger(process.name);
  const onError = (error: unknown): void => log.error({ err: error }, "background work failed");
  const store = openRecord();
  const unused = <T>(): T => ({}) as T;
  const services = buildServices({
    ...{ lead: SOLE_LEAD, store, objects: objects.driver(), bus: bus.connect(), log, onError },
    git: { ...unused<ServiceOptions["git"]>(), maxBytes: 0, allowedProtocols: [] },
    uploadFolder: "/uploads",
    runSecret: "the secret that signs the tokens of runs",
    machineTypes: [],
    nonZeroExit: "failed",
    allowSignup: false,
    garbage: { graceMs: 86_400_000, everyMs: 0 },
    leaseMs: LEASE_MS,
    addresses: { coordinator: COORDINATOR, api: "", all: [], nats: { servers: [], token: "" } },
    now: () => Date.now(),
  });
  await services.changes.start();
  network.listen(
    COORDINATOR,
    process,
    new Map<string, Offered>([
      ["spell.v1.AgentService", offered(AgentServiceService, createAgentService(services))],
      ["spell.v1.RunService", offered(RunServiceService, createRunService(services))],
      ["spell.v1.TreeService", offered(TreeServiceService, createTreeService(services))],
      ["spell.v1.WorkflowService", offered(WorkflowServiceService, createWorkflowService(services))],
    ]),
  );
  const sweepLeases = async (): Promise<void> => {
    services.lifecycle.noticeSilence();
    await services.lifecycle.sweepLeases();
  };
  for (const sweep of [sweepLeases, () => services.rules.sweep()]) {
    new Sweeper({ sweep, everyMs: SWEEP_EVERY_MS, onError }).start();
  }
  services.dispatcher.kick();
}

function offered(definition: unknown, implementation: unknown): Offered {
  return { definition, implementation } as Offered;
}
