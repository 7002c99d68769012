/** One life of an agent, put together as its `main.ts` does, without what nothing here uses: metrics, GPUs, the cache of trees. */
import { Attempts, CoordinatorClient, LogShipper, Session } from "@spell/agent/parts";
import type { AttemptServices } from "@spell/agent/parts";
import type { Lease, MachineTypeSlots } from "@spell/rpc";
import type { SimProcess } from "../world/world.ts";
import { asProcess, currentProcess, world } from "../world/world.ts";
import type { SimBus } from "./bus.ts";
import { COORDINATOR } from "./coordinator.ts";
import { simLogger } from "./logger.ts";
import type { Machine } from "./machine.ts";

const DATA_DIR = "/agent";
const STOP_GRACE_MS = 3_000;

export interface AgentSettings {
  token: string;
  machineTypes: MachineTypeSlots[];
  controlSlots: number;
}

/** Starts an agent on the machine. */
export function startAgent(
  machine: Machine,
  settings: AgentSettings,
  around: { bus: SimBus; number: number },
): SimProcess {
  const name = `agent ${machine.name}/${around.number}`;
  const process: SimProcess = { name, host: machine, alive: true, startedAtMs: world().nowMs, onDeath: [] };
  world().history.tell(`${name} starts`);
  asProcess(process, () => {
    begin(machine, settings, around.bus).catch((error: unknown) => {
      // As main.ts does: an agent that cannot begin ends.
      world().history.tell(`${name} did not start: ${String(error)}`);
      world().kill(process);
    });
  });
  return process;
}

async function begin(machine: Machine, settings: AgentSettings, simBus: SimBus): Promise<void> {
  const log = simLogger(currentProcess()?.name ?? "");
  const client = new CoordinatorClient([COORDINATOR]);
  client.useToken(settings.token);
  const bus = simBus.connect();
  const services: AttemptServices = {
    executor: machine.executor(),
    cache: simCache(),
    log,
    bootId: machine.bootId,
    stopGraceMs: STOP_GRACE_MS,
    trees: (lease) => client.trees(lease),
    openLog: (lease, attemptDir) =>
      LogShipper.open({
        ...{ runId: lease.runId, attempt: lease.attempt, attemptDir, bus, archive: client.segments(lease) },
        spoolPath: `${attemptDir}/output.log`,
        onProblem: (problem) => log.warn({}, problem),
      }),
    // Points of metrics are left out of the simulation.
    openMetrics: async () => ({ finish: async () => undefined, stop: async () => undefined }),
    gpuReader: { read: async () => [] } as unknown as AttemptServices["gpuReader"],
    executionBase: (spec, _lease: Lease) => ({
      ...{ command: spec.command, workingDirectory: "/spell", extras: [], hidden: [] },
      environment: { ...spec.environment, SIMULATED_TYPE: spec.master ? "" : spec.machineType },
    }),
    leftBehind: () => undefined,
    changed: () => session.changed(),
    changedUnhurried: () => session.changedUnhurried(),
  };
  const attempts = new Attempts({
    dataDir: DATA_DIR,
    services,
    completeSnapshot: (answer) => client.completeSnapshot(answer),
  });
  await attempts.load();
  const session = new Session({
    ...{ client, attempts, bootId: machine.bootId, version: "simulated", log },
    repairs: { apply: () => undefined } as unknown as ConstructorParameters<typeof Session>[0]["repairs"],
    machineTypes: settings.machineTypes,
    controlSlots: settings.controlSlots,
    // Its disk never fills, and each process can be ended.
    room: { takesNothing: "", lessen: (types) => [...types] },
    onEventBus: () => undefined,
    onCoordinators: () => undefined,
    onConnected: () => undefined,
    onRefused: (error) => log.error({ err: error }, "refused"),
  });
  session.start();
}

/** Keeps nothing: no run of the simulation has code or mounts. */
function simCache(): AttemptServices["cache"] {
  const nothing = async (): Promise<void> => undefined;
  const cache = { hold: () => undefined, release: () => undefined, trim: nothing, keepNodes: nothing, adopt: nothing };
  return cache as unknown as AttemptServices["cache"];
}
