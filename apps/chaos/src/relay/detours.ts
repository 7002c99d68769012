/** Ways that are led through the relay for a while: the relay knows its rules before anybody comes, and after the last has left. */
import type { MachineName } from "../faults/fault.ts";
import { ADDRESSES, HOME } from "../network/addresses.ts";
import type { End, Network } from "../network/network.ts";
import { tellRelay } from "./relay-process.ts";
import type { RelayManner, RelayRule } from "./rule.ts";

export interface Way {
  from: End;
  to: MachineName;
}

export class Detours {
  readonly #network: Network;
  readonly #rules = new Map<string, RelayRule>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** Ways from machines that the farm does not have are left out. */
  async lead(wanted: readonly Way[], manner: RelayManner): Promise<void> {
    const ways = wanted.filter(({ from }) => this.#network.has(from));
    for (const way of ways) {
      const from = way.from === "home" ? HOME.ip : ADDRESSES[way.from].ip;
      this.#rules.set(keyOf(way), { from, to: ADDRESSES[way.to].ip, ...manner });
    }
    await tellRelay([...this.#rules.values()]);
    await Promise.all(ways.map(({ from, to }) => this.#network.divert(from, to)));
  }

  async mend(wanted: readonly Way[]): Promise<void> {
    const ways = wanted.filter(({ from }) => this.#network.has(from));
    await Promise.all(ways.map(({ from, to }) => this.#network.mend(from, to)));
    for (const way of ways) this.#rules.delete(keyOf(way));
    await tellRelay([...this.#rules.values()]);
  }
}

function keyOf({ from, to }: Way): string {
  return `${from} ${to}`;
}
