/** The agent's composition root. SIGINT drains (twice: interrupts what runs); SIGTERM leaves the runs to the next agent. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { SpellError, messageOf } from "@spell/domain";
import type { EventBus } from "@spell/event-bus";
import { createNatsBus } from "@spell/event-bus/nats";
import { createLogger } from "@spell/logging";
import { bootId } from "@spell/machine";
import type { AttemptSpec, EventBusAddress, MachineTypeSlots } from "@spell/rpc";
import { openTreeCache } from "@spell/spellfs";
import type { AttemptServices } from "./attempt-services.ts";
import { Attempts } from "./attempts.ts";
import type { AgentConfig } from "./config.ts";
import { machineEnvironment, parseConfig } from "./config.ts";
import { openCoordinatorList } from "./coordinator-list.ts";
import { CoordinatorClient } from "./coordinator-client.ts";
import { findCgroups } from "./cgroups/find.ts";
import { createExecutor } from "./executors/create-executor.ts";
import type { Executor } from "./executors/executor.ts";
import { outliveRuns } from "./executors/limits/spawn-limited.ts";
import type { Gpu } from "./gpus.ts";
import { openGpus } from "./gpus.ts";
import { forgetIdentity, loadIdentity, prepareDataFolder } from "./identity.ts";
import { limitsOf } from "./limit-settings.ts";
import { LogShipper } from "./logs/log-shipper.ts";
import { openAttemptMetrics } from "./metrics/attempt-metrics.ts";
import { MetricServer } from "./metrics/metric-server.ts";
import { watchReclaimNotice } from "./reclaim-notice.ts";
import { Repairs } from "./repairs.ts";
import { runEnvironment, sdkFolders } from "./run-environment.ts";
import { Room } from "./room.ts";
import { Session } from "./session.ts";
import { lockDataFolder } from "./single-agent.ts";
import { GpuReader } from "./stats/gpu-reader.ts";

const VERSION = "0.1.0";
/** How long interrupted runs may take to be reported, milliseconds. */
const INTERRUPT_LIMIT_MS = 5_000;
/** How long the runs of a removed agent may take to be ended, milliseconds. */
const LEAVE_LIMIT_MS = 20_000;
const config = parseConfig(process.argv.slice(2));
const log = createLogger({ name: "agent", level: config.logLevel });

try {
  await start(config);
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  if (!(error instanceof SpellError)) log.error({ err: error }, "agent failed");
  process.stderr.write(`spell agent: ${messageOf(error)}\n`);
  process.exit(1);
}

async function start(settings: AgentConfig): Promise<void> {
  const { dataDir } = settings;
  await prepareDataFolder(dataDir);
  outliveRuns();
  const { cgroups, missing: noCgroups } = findCgroups();
  const environment = machineEnvironment();
  const executor = createExecutor(settings.executor, { environment, scratchDir: dataDir, cgroups });
  lockDataFolder(dataDir);
  // Beside each other: what runs on this machine waits for this agent.
  const [missing, { known, found }, cache] = await Promise.all([
    executor.check(),
    openGpus({ dataDir, bootId: bootId(), environment }),
    openTreeCache({
      directory: join(dataDir, "cache"),
      limitBytes: settings.cacheBytes,
      onEvicted: (eviction) => log.info(eviction, "cache made smaller"),
    }),
  ]);
  if (missing !== undefined) throw new SpellError("conflict", missing);
  if (noCgroups !== undefined) log.warn({ problem: noCgroups }, withoutCgroups(executor.name));
  const coordinators = await openCoordinatorList(join(dataDir, "coordinators.json"), settings.coordinators);
  const client = new CoordinatorClient(coordinators.addresses);
  const { name, joinToken } = settings;
  const identity = await loadIdentity({
    dataDir,
    joinToken,
    name,
    client: client.agents,
    address: client.address,
  });
  client.useToken(identity.agentToken);
  const metrics = new MetricServer();
  let gpus = known;

  let bus: EventBus | undefined;
  let busKey = "";
  const services: AttemptServices = {
    executor,
    cache,
    log,
    bootId: bootId(),
    stopGraceMs: settings.stopGraceMs,
    trees: (lease) => client.trees(lease),
    openLog: (lease, attemptDir) => {
      if (bus === undefined) throw new Error("attempts are resumed only once the event bus is known");
      return LogShipper.open({
        runId: lease.runId,
        attempt: lease.attempt,
        attemptDir,
        spoolPath: join(attemptDir, "output.log"),
        bus,
        archive: client.segments(lease),
        onProblem: (problem) => log.warn({ problem, runId: lease.runId }, "log shipping"),
      });
    },
    openMetrics: (lease, attemptDir) =>
      openAttemptMetrics(metrics, {
        ...{ lease, attemptDir, record: client.metrics(lease) },
        onProblem: (problem) => log.warn({ problem, runId: lease.runId }, "metrics"),
      }),
    gpuReader: new GpuReader(machineEnvironment()),
    executionBase: (spec, lease) => {
      const environment = { ...spec.environment, SPELL_METRICS: metrics.addressFor(lease) };
      return executionBase({ ...spec, environment }, { settings, gpus, isolated: executor.name === "sandbox" });
    },
    leftBehind: (left) => room.leave(left),
    changed: () => session.changed(),
    changedUnhurried: () => session.changedUnhurried(),
  };
  const room = new Room({
    folder: dataDir,
    reserveBytes: settings.limits.diskReserveBytes,
    changed: () => {
      if (room.takesNothing !== "") log.warn({ because: room.takesNothing }, "takes no runs for now");
      session.changed();
    },
  });
  const attempts = new Attempts({ dataDir, services, completeSnapshot: (answer) => client.completeSnapshot(answer) });
  await attempts.load();
  // Now that everything is held which runs use: the limit may be another one than before.
  cache
    .trim()
    .then(() => cache.size())
    .then((size) => log.info(size, "cache"))
    .catch((error: unknown) => log.warn({ err: error }, "cache not trimmed"));
  await metrics.listen(join(dataDir, "metrics-port"));
  const session = new Session({
    client,
    attempts,
    repairs: new Repairs({ cache, log, complete: (answer) => client.completeRepair(answer) }),
    bootId: bootId(),
    version: VERSION,
    machineTypes: offeredTypes(settings, gpus),
    controlSlots: settings.controlSlots,
    room,
    log,
    onEventBus: (address) => {
      if (keyOf(address) === busKey) return;
      busKey = keyOf(address);
      // Logs that are open keep the bus they have; a bus that moved is a matter of restarts.
      bus = createNatsBus({
        ...address,
        name: `agent ${settings.name}`,
        role: "agent",
        onProblem: (problem) => log.warn({ problem }, "event bus"),
      });
    },
    onCoordinators: (addresses) => {
      if (client.learn(coordinators.learn(addresses, client.current))) session.reopen();
    },
    onConnected: onceConnected(identity.agentId),
    onRefused: (error) => {
      if (error.reason !== "agent-removed") fail(error);
      leaveFarm(error).catch(fail);
    },
  });
  // Before it says that it takes any.
  await room.watch();
  session.start();
  found
    .then((now) => {
      if (isDeepStrictEqual(now, gpus)) return;
      log.warn({ gpus: now, before: gpus }, "other GPUs than before");
      gpus = now;
      session.offer(offeredTypes(settings, gpus));
    })
    .catch(fail);

  if (settings.reclaimNotice !== undefined) {
    watchReclaimNotice(settings.reclaimNotice, () => {
      log.warn({ notice: settings.reclaimNotice }, "this machine is being taken away");
      session.reclaim();
      attempts.reclaim();
    });
  }

  // What runs here is nobody's any more.
  const leaveFarm = async (error: SpellError): Promise<never> => {
    session.stop();
    metrics.close();
    setTimeout(() => fail(error), LEAVE_LIMIT_MS);
    await attempts.abandon();
    await forgetIdentity(dataDir);
    return fail(error);
  };
  let interrupts = 0;
  const leave = async (how: "drain" | "detach"): Promise<void> => {
    if (how === "drain") {
      session.drain();
      await drained(attempts);
    }
    session.stop();
    room.stop();
    // Before the attempts let go: nobody is told that a run has ended which has not.
    metrics.close();
    await attempts.detach();
    await bus?.close();
    client.close();
    process.exit(0);
  };
  process.on("SIGINT", () => {
    interrupts += 1;
    if (interrupts === 1) leave("drain").catch(fail);
    if (interrupts !== 2) return;
    // Ends what the draining waits for. While the coordinator is away the results stay in the journals.
    attempts.interrupt();
    setTimeout(() => leave("detach").catch(fail), INTERRUPT_LIMIT_MS);
  });
  process.once("SIGTERM", () => leave("detach").catch(fail));
}

/** The line that whoever started this process waits for, once. */
function onceConnected(agentId: string): () => void {
  let told = false;
  return () => {
    if (told) return;
    told = true;
    process.stdout.write(`${JSON.stringify({ ready: true, agentId })}\n`);
  };
}

async function drained(attempts: Attempts): Promise<void> {
  while (attempts.reports().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
}

function offeredTypes(settings: AgentConfig, gpus: readonly Gpu[]): MachineTypeSlots[] {
  const types = new Map<string, number>();
  if (settings.cpuSlots > 0) types.set("CPU", settings.cpuSlots);
  for (const gpu of gpus) types.set(gpu.machineType, (types.get(gpu.machineType) ?? 0) + 1);
  for (const type of settings.machineTypes) types.set(type.name, type.slots);
  return [...types].map(([name, slots]) => ({ name, slots }));
}

/** What the operator should know once, and where to read how it is put right. */
function withoutCgroups(executor: Executor["name"]): string {
  const outlives = executor === "process" ? ", and a process that hides outlives its run" : "";
  return `no control groups: limits of runs are kept by looking now and then, which a fast run can exceed for a moment${outlives} (docs/limits.md)`;
}

function executionBase(
  spec: AttemptSpec,
  machine: { settings: AgentConfig; gpus: readonly Gpu[]; isolated: boolean },
): ReturnType<AttemptServices["executionBase"]> {
  const { settings, gpus, isolated } = machine;
  const typeName = spec.machineType.replace(/x\d+$/i, "").toLowerCase();
  const ofType = gpus.filter((gpu) =>
    [typeName, spec.machineType.toLowerCase()].includes(gpu.machineType.toLowerCase()),
  );
  const chosen = spec.slots.flatMap((slot) => ofType[slot]?.index ?? []);
  const limits = limitsOf(spec, settings.limits);
  const memoryLimit: Record<string, string> =
    limits.memoryBytes === undefined ? {} : { SPELL_MEMORY_LIMIT_BYTES: String(limits.memoryBytes) };
  return {
    limits,
    command: spec.command,
    workingDirectory: ["/spell", spec.codeRoot, spec.cwd].filter((part) => part !== "").join("/"),
    environment: runEnvironment({
      machine: machineEnvironment(),
      user: { ...spec.environment, ...memoryLimit },
      isolated,
    }),
    extras: sdkFolders(),
    hidden: settings.hidden,
    gpus: chosen.length > 0 ? chosen : undefined,
  };
}

function keyOf(address: EventBusAddress): string {
  return JSON.stringify(address);
}
