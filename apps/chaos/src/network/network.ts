/**
 * The farm's network: all machines on one switch, with fixed neighbours. A way is cut by giving one side a neighbour that does not
 * exist: packets are lost without a word, in that direction alone, as with a broken cable. It is led through the relay by giving it the
 * relay for a neighbour, which has the same address.
 */
import { spawn } from "node:child_process";
import { SpellError } from "@spell/domain";
import type { MachineName } from "../faults/fault.ts";
import { ADDRESSES, BESIDES, HOME, MACHINES, NOBODY_MAC, RELAY } from "./addresses.ts";
import type { Machine } from "./machine.ts";

/** One end of a way: a machine of the farm, or where the users are. */
export type End = MachineName | "home";

export class Network {
  readonly #machines: ReadonlyMap<MachineName, Machine>;

  private constructor(machines: ReadonlyMap<MachineName, Machine>) {
    this.#machines = machines;
  }

  /** Connects machines that have no network yet, and this process to them. */
  static async connect(machines: ReadonlyMap<MachineName, Machine>, relay: Machine): Promise<Network> {
    const all = [...machines.values(), relay];
    await ip(
      [],
      [
        "link set lo up",
        `link add switch address ${HOME.mac} type bridge`,
        `addr add ${HOME.ip}/16 dev switch`,
        "link set switch up",
        ...neighbours("switch"),
        ...all.flatMap(({ name, pid }) => [
          `link add ${name} type veth peer name cable netns ${pid}`,
          `link set ${name} master switch up`,
        ]),
      ],
    );
    for (const [name, { enter }] of machines) {
      const { ip: own, mac } = ADDRESSES[name];
      await ip(enter, [
        ...["link set lo up", `link set cable address ${mac} up`, `addr add ${own}/16 dev cable`],
        ...[`addr add ${BESIDES[name]}/32 dev cable`, ...neighbours("cable")],
      ]);
    }
    await ip(relay.enter, [
      ...["link set lo up", `link set cable address ${RELAY.mac} up`, `addr add ${RELAY.ip}/16 dev cable`],
      ...SERVERS.map((name) => `addr add ${ADDRESSES[name].ip}/32 dev cable`),
      ...neighbours("cable"),
    ]);
    return new Network(machines);
  }

  has(end: End): boolean {
    return end === "home" || this.#machines.has(end);
  }

  /** From now on nothing of what one sends reaches the other. */
  cut(from: End, to: MachineName): Promise<void> {
    return this.#lead(from, to, NOBODY_MAC);
  }

  /** From now on what one sends to the other reaches the relay. */
  divert(from: End, to: MachineName): Promise<void> {
    return this.#lead(from, to, RELAY.mac);
  }

  /** As it was. */
  mend(from: End, to: MachineName): Promise<void> {
    return this.#lead(from, to, ADDRESSES[to].mac);
  }

  async #lead(from: End, to: MachineName, mac: string): Promise<void> {
    const machine = from === "home" ? undefined : this.#machines.get(from);
    if (from !== "home" && machine === undefined) throw new RangeError(`there is no machine ${from}`);
    await ip(machine?.enter ?? [], [neighbour(ADDRESSES[to].ip, mac, machine === undefined ? "switch" : "cable")]);
  }
}

/** Those whose addresses the relay has, too. */
const SERVERS = ["coordinator", "coordinator2", "store", "nats", "database"] as const;

function neighbours(device: string): string[] {
  return [
    neighbour(HOME.ip, HOME.mac, device),
    neighbour(RELAY.ip, RELAY.mac, device),
    ...MACHINES.flatMap((name) =>
      [ADDRESSES[name].ip, BESIDES[name]].map((each) => neighbour(each, ADDRESSES[name].mac, device)),
    ),
  ];
}

function neighbour(address: string, mac: string, device: string): string {
  return `neigh replace ${address} lladdr ${mac} nud permanent dev ${device}`;
}

/** Lines for `ip`, on a machine. */
async function ip(enter: readonly string[], lines: readonly string[]): Promise<void> {
  const [program = "", ...rest] = [...enter, "ip", "-batch", "-"];
  const child = spawn(program, rest, { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  child.stdin.end(`${lines.join("\n")}\n`);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new SpellError("unavailable", `The network of the trial cannot be set up: ${said.trim()}`);
}
