/** The farm of a trial: a coordinator, nats-server, an object store and three agents, each on a machine of its own. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SpellClient } from "@spell/sdk";
import { AGENTS, COORDINATORS } from "../faults/fault.ts";
import type { MachineName } from "../faults/fault.ts";
import { PORTS } from "../network/addresses.ts";
import { Machine } from "../network/machine.ts";
import { Network } from "../network/network.ts";
import { Detours } from "../relay/detours.ts";
import type { FarmFacts, PartCommand } from "./commands.ts";
import {
  addressOf,
  agentCommand,
  coordinatorCommand,
  databaseCommand,
  natsCommand,
  relayCommand,
  storeCommand,
} from "./commands.ts";
import { Part } from "./part.ts";
import { appCommand } from "./programs.ts";

const DISK_MIB: Record<MachineName, number> = {
  ...{ coordinator: 256, coordinator2: 256, database: 512, nats: 512, store: 4_096 },
  ...{ agent1: 256, agent2: 256, agent3: 256 },
};
const END_MS = 10_000;
/** The order in which the others end. */
const AFTER_AGENTS: readonly MachineName[] = [...COORDINATORS, "nats", "store", "database"];

export interface FarmOptions {
  machines: ReadonlySet<MachineName>;
  leaseSeconds: number;
}

export class Farm implements AsyncDisposable {
  readonly network: Network;
  readonly detours: Detours;
  /** Of the trial, on the machine's own disk. */
  readonly folder: string;
  readonly #machines: ReadonlyMap<MachineName, Machine>;
  readonly #relay: Machine;
  readonly #parts = new Map<MachineName, Part>();
  #relayPart: Part | undefined;
  readonly #facts: FarmFacts;

  private constructor(
    facts: FarmFacts,
    made: { machines: ReadonlyMap<MachineName, Machine>; network: Network; relay: Machine },
  ) {
    this.folder = facts.folder;
    this.network = made.network;
    this.detours = new Detours(made.network);
    this.#facts = facts;
    this.#machines = made.machines;
    this.#relay = made.relay;
  }

  /** Starts one in a folder. Everything of it ends with the namespaces of this process. */
  static async start(folder: string, { machines: names, leaseSeconds }: FarmOptions): Promise<Farm> {
    mkdirSync(join(folder, "logs"), { recursive: true });
    const machines = new Map<MachineName, Machine>();
    for (const name of names) machines.set(name, await Machine.make(name, { folder, diskMiB: DISK_MIB[name] }));
    const relay = await Machine.make("relay", { folder, diskMiB: 1 });
    const network = await Network.connect(machines, relay);
    const coordinators = COORDINATORS.filter((name) => names.has(name)).map((name) => addressOf(name, PORTS.grpc));
    const has = { hasStore: names.has("store"), hasDatabase: names.has("database") };
    const facts = { folder, leaseSeconds, ...has, coordinators: coordinators.join(",") };
    const farm = new Farm(facts, { machines, network, relay });
    await farm.#startParts();
    return farm;
  }

  part(name: MachineName): Part {
    const part = this.#parts.get(name);
    if (part === undefined) throw new RangeError(`there is no ${name}`);
    return part;
  }

  machine(name: MachineName): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new RangeError(`there is no machine ${name}`);
    return machine;
  }

  /** Command lines of the processes on an agent's machine that are not the agent's own. */
  strangers(name: MachineName): string[] {
    const main = appCommand("agent").at(-1) ?? "";
    return this.machine(name)
      .processes()
      .filter((line) => !line.includes(main));
  }

  /** Ends of parts that no fault was the cause of. */
  crashes(): string[] {
    return [...this.#parts.values()].flatMap((part) => part.crashes);
  }

  /** The farm as its user sees it. */
  client(): SpellClient {
    const { pid, data } = this.machine("coordinator");
    const login = join("/proc", String(pid), "root", data, "coordinator", "login.json");
    const { userToken } = JSON.parse(readFileSync(login, "utf8")) as { userToken: string };
    return new SpellClient({ token: userToken, coordinator: this.#facts.coordinators });
  }

  /** Ends all in order, agents first; their runs end with their machines. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(AGENTS.map(async (name) => this.#parts.get(name)?.end("SIGTERM", END_MS)));
    for (const name of AFTER_AGENTS) await this.#parts.get(name)?.end("SIGTERM", END_MS);
    await this.#relayPart?.kill();
    for (const machine of [...this.#machines.values(), this.#relay]) machine[Symbol.dispose]();
  }

  async #startParts(): Promise<void> {
    const dataOf = (name: MachineName): string => this.machine(name).data;
    this.#relayPart = this.#launch("relay", this.#relay, relayCommand());
    await this.#relayPart.start();
    await this.#start("nats", natsCommand(dataOf("nats"), this.#facts));
    if (this.#facts.hasStore) await this.#start("store", storeCommand(dataOf("store")));
    if (this.#facts.hasDatabase) await this.#start("database", databaseCommand(dataOf("database")));
    for (const name of COORDINATORS.filter((each) => this.#machines.has(each)))
      await this.#start(name, coordinatorCommand(name, { data: dataOf(name), facts: this.#facts }));
    using client = this.client();
    for (const name of AGENTS) {
      const joinToken = await client.account.createJoinToken();
      await this.#start(name, agentCommand(name, { data: dataOf(name), joinToken, facts: this.#facts }));
    }
  }

  async #start(name: MachineName, command: PartCommand): Promise<void> {
    const part = this.#launch(name, this.machine(name), command);
    this.#parts.set(name, part);
    await part.start();
  }

  #launch(name: string, machine: Machine, command: PartCommand): Part {
    return new Part({ name, machine, ...command, logPath: join(this.folder, "logs", `${name}.log`) });
  }
}
