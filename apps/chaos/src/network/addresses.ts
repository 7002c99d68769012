/** Where each machine of the farm lies on its network. Nobody else is on it. */
import type { MachineName } from "../faults/fault.ts";

const NETWORK = "10.77";
const NUMBERS: Record<MachineName, number> = {
  coordinator: 2,
  coordinator2: 5,
  database: 6,
  store: 3,
  nats: 4,
  agent1: 11,
  agent2: 12,
  agent3: 13,
};

export interface Address {
  ip: string;
  mac: string;
}

function addressOf(number: number): Address {
  return { ip: `${NETWORK}.0.${number}`, mac: `02:00:00:00:00:${number.toString(16).padStart(2, "0")}` };
}

function forEachMachine<T>(make: (number: number) => T): Record<MachineName, T> {
  return Object.fromEntries(Object.entries(NUMBERS).map(([name, number]) => [name, make(number)])) as Record<
    MachineName,
    T
  >;
}

/** Users, the ledger, and the switch itself. */
export const HOME = addressOf(1);
/** The machine of the relay, which has the addresses of the servers as well. */
export const RELAY = addressOf(9);
/** What is sent there nobody gets. */
export const NOBODY_MAC = "02:ff:ff:ff:ff:ff";

export const ADDRESSES = forEachMachine(addressOf);
/** Second addresses, by which the relay reaches the machines. */
export const BESIDES = forEachMachine((number) => `${NETWORK}.1.${number}`);
export const MACHINES = Object.keys(NUMBERS) as MachineName[];

export const PORTS = { grpc: 7800, http: 7801, nats: 4222, database: 5432, store: 9000, ledger: 7, relay: 9 } as const;
