/** One history: a world made from a seed, lived through under faults, brought to rest, and held against what must always be true. */
import type { MachineTypeSlots } from "@spell/rpc";
import { hashToken } from "@spell/run-lifecycle";
import { Ledger } from "./ledger.ts";
import { Faults } from "./faults/faults.ts";
import { recordedLogs } from "./invariants/recorded-logs.ts";
import { checkEnd } from "./invariants/at-the-end.ts";
import { checkRecord } from "./invariants/always.ts";
import { RecordView, recorded } from "./invariants/record-view.ts";
import { startAgent } from "./parts/agent.ts";
import type { AgentSettings } from "./parts/agent.ts";
import { SimBus } from "./parts/bus.ts";
import { COORDINATOR, openRecord, startCoordinator } from "./parts/coordinator.ts";
import { Machine } from "./parts/machine.ts";
import { SimObjects } from "./parts/objects.ts";
import { startUser } from "./parts/user.ts";
import { shared } from "./world/database.ts";
import { closeAllFiles } from "./world/files.ts";
import { useNetwork } from "./world/grpc.ts";
import { Network } from "./world/network.ts";
import type { SimProcess } from "./world/world.ts";
import { Died, World, asProcess, enterWorld } from "./world/world.ts";

/** How long users and faults are at it, and how long everything may take to end after. */
const BUSY_MS = 60_000;
const REST_MS = 300_000;
const MOST_STEPS = 400_000;

export interface Verdict {
  seed: number;
  /** The promise that was broken; undefined: none. */
  broken?: string;
  lines: readonly string[];
  digest: string;
  steps: number;
  runs: number;
  faults: number;
}

/** An agent of the world, with the life that it has now. */
export interface Member {
  machine: Machine;
  settings: AgentSettings;
  agentId: string;
  process: SimProcess | undefined;
}

/** Everything that faults can hit. */
export interface Scene {
  world: World;
  ledger: Ledger;
  network: Network;
  bus: SimBus;
  objects: SimObjects;
  coordinatorHost: Machine;
  coordinator: SimProcess | undefined;
  members: Member[];
  userHost: Machine;
  startCoordinator(): void;
  startAgent(member: Member): void;
  /** Nothing goes wrong in it. */
  calm: boolean;
  busyMs: number;
}

export async function simulate(seed: number, options: { keepHistory: boolean }): Promise<Verdict> {
  const world = new World(seed, options);
  enterWorld(world);
  closeAllFiles();
  // Made and migrated by whoever is first.
  if (shared.seeded === undefined) openRecord();
  shared.empty();
  const scene = makeScene(world);
  uncaught = (error) => scene.ledger.seen.push(`something was thrown that nobody caught: ${textOf(error)}`);
  const view = new RecordView(scene);
  let broken: string | undefined;
  try {
    broken = await live(scene, view);
  } catch (error) {
    broken = `something was thrown that nobody caught: ${textOf(error)}`;
  }
  for (const member of scene.members) if (member.process !== undefined) world.kill(member.process);
  if (scene.coordinator !== undefined) world.kill(scene.coordinator);
  enterWorld(undefined);
  const { lines, digest, steps } = world.history;
  return { seed, broken, lines, digest, steps, runs: view.runs.size, faults: view.faults?.count ?? 0 };
}

/** Told of promises that nobody waits for. */
let uncaught: (error: unknown) => void = () => undefined;
process.on("unhandledRejection", (error) => {
  if (!(error instanceof Died)) uncaught(error);
});

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function makeScene(world: World): Scene {
  const { random } = world;
  const ledger = new Ledger();
  const network = new Network();
  useNetwork(network);
  network.onHeard = (host) => ledger.heardMs.set(host, world.nowMs);
  const coordinatorHost = new Machine(COORDINATOR, ledger);
  const members: Member[] = [];
  for (let number = 1; number <= random.whole(1, 3); number++) {
    const machineTypes: MachineTypeSlots[] = [{ name: "CPU", slots: random.whole(1, 2) }];
    if (random.chance(0.4)) machineTypes.push({ name: "K80", slots: 1 });
    members.push({
      machine: new Machine(`machine-${number}`, ledger),
      settings: { token: `token-of-agent-${number}`, machineTypes, controlSlots: 2 },
      agentId: `agt_${number}`,
      process: undefined,
    });
  }
  let lives = 0;
  const scene: Scene = {
    ...{ world, ledger, network, bus: new SimBus(), objects: new SimObjects(), coordinatorHost, members },
    coordinator: undefined,
    calm: random.chance(0.1),
    busyMs: BUSY_MS,
    userHost: new Machine("desk", ledger),
    startCoordinator: () => {
      scene.coordinator = startCoordinator(coordinatorHost, scene, ++lives);
      ledger.listeningSinceMs = world.nowMs;
    },
    startAgent: (member) => {
      member.process = startAgent(member.machine, member.settings, { bus: scene.bus, number: ++lives });
    },
  };
  scene.bus.onPublished = ({ runId, version }) => {
    if ((recorded(runId)?.version ?? 0) < version)
      ledger.seen.push(`news of run ${runId} were published before they were committed`);
  };
  return scene;
}

async function live(scene: Scene, view: RecordView): Promise<string | undefined> {
  const { world, members, ledger } = scene;
  await settingUp(scene);
  world.after(0, "start", () => scene.startCoordinator(), "nobody");
  for (const member of members) world.after(0, "start", () => scene.startAgent(member), "nobody");
  const types = [...new Set(members.flatMap(({ settings }) => settings.machineTypes.map(({ name }) => name)))];
  const users = [1, 2].map((number) =>
    startUser(scene.userHost, {
      ...{ name: `user-${number}`, token: `token-of-user-${number}`, ledger, machineTypes: types },
      wishes: world.random.whole(1, 4),
    }),
  );
  const faults = new Faults(scene);
  view.faults = faults;
  const isOver = (): boolean => users.every(({ done }) => done) && view.allEnded() && ledger.alive().length === 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    if (world.nowMs > BUSY_MS) faults.cease();
    if (world.nowMs > BUSY_MS + REST_MS || (world.nowMs > BUSY_MS && isOver())) break;
    if (!(await world.step())) break;
    const broken = view.look() ?? checkRecord(view) ?? ledger.seen[0];
    if (broken !== undefined) return broken;
  }
  if (!isOver())
    return notOver(
      scene,
      view,
      users.filter(({ done }) => !done).map(({ name }) => name),
    );
  const logs = await recordedLogs(scene, view.runs);
  return ledger.seen[0] ?? checkEnd(view, logs);
}

/** What was there before anybody began: users and agents that have joined. */
async function settingUp({ world, members, coordinatorHost }: Scene): Promise<void> {
  const process: SimProcess = { name: "setup", host: coordinatorHost, alive: true, startedAtMs: 0, onDeath: [] };
  let done = false;
  asProcess(process, () => {
    const prepare = async (): Promise<void> => {
      const store = openRecord();
      for (const number of [1, 2]) {
        await store.ensureUser({ name: `user-${number}`, email: `user-${number}@example.org`, createdAtMs: 1 });
        await store.addToken(hashToken(`token-of-user-${number}`), { kind: "user", userName: `user-${number}` }, 1);
      }
      for (const { agentId, machine, settings } of members) {
        await store.addToken(hashToken(`join ${agentId}`), { kind: "join" }, 1);
        const agent = {
          id: agentId,
          name: machine.name,
          machineTypes: settings.machineTypes,
          createdAtMs: 1,
          lastSeenAtMs: 1,
          placement: "open" as const,
        };
        await store.joinAgent(hashToken(`join ${agentId}`), agent, hashToken(settings.token));
      }
    };
    void prepare().then(() => (done = true));
  });
  while (!done) if (!(await world.step())) throw new Error("the world could not be set up");
  world.kill(process);
}

function notOver({ ledger }: Scene, view: RecordView, users: readonly string[]): string {
  const runs = [...view.runs.values()].filter((run) => run.endedAtMs === null);
  const waiting = runs.map((run) => `run ${run.id} (${run.status})`);
  const alive = ledger.alive().map((each) => `the command of ${each.runId}/${each.attempt} on ${each.host}`);
  return `not everything ended in time after the faults: ${[...waiting, ...alive, ...users].join(", ")}`;
}
