/** How each kind of fault is begun and ended. */
import { writeFileSync } from "node:fs";
import { clockFile, natsFolder } from "../farm/commands.ts";
import type { Farm } from "../farm/farm.ts";
import type { Way } from "../relay/detours.ts";
import type { RelayManner } from "../relay/rule.ts";
import { AGENTS, COORDINATORS } from "./fault.ts";
import type { FaultKind, Target } from "./fault.ts";

interface FaultAction {
  begin: (farm: Farm, target: Target) => Promise<void> | void;
  /** Does not wait until all is well again: that is what is measured. */
  end: (farm: Farm, target: Target) => Promise<void> | void;
}

const HOUR_MS = 3_600_000;
const restart = (farm: Farm, { machine }: Target): void => void farm.part(machine).start();

const kill: FaultAction = { begin: (farm, { machine }) => farm.part(machine).kill(), end: restart };

const freeze: FaultAction = {
  begin: (farm, { machine }) => farm.part(machine).freeze(),
  end: (farm, { machine }) => farm.part(machine).thaw(),
};

const reboot: FaultAction = {
  begin: async (farm, { machine }) => {
    await farm.part(machine).kill();
    await farm.machine(machine).reboot();
  },
  end: restart,
};

const wipeNats: FaultAction = {
  begin: async (farm, { machine }) => {
    await farm.part(machine).kill();
    await farm.machine(machine).execute(`rm -rf '${natsFolder(farm.machine(machine).data)}'`);
  },
  end: restart,
};

/** Takes the last byte that is free; the second command gets what the first could not reckon with. */
const fillDisk: FaultAction = {
  begin: async (farm, { machine }) => {
    const { data } = farm.machine(machine);
    const free = `$(df --output=avail --block-size=1 '${data}' | tail -n 1)`;
    await farm.machine(machine).execute(`fallocate -l "${free}" '${data}/full'; cat /dev/zero >> '${data}/full'`);
  },
  end: async (farm, { machine }) => {
    await farm.machine(machine).execute(`rm -f '${farm.machine(machine).data}/full'`);
  },
};

const stepClock = (byMs: number): FaultAction => ({
  begin: (farm, { machine }) => writeFileSync(clockFile(farm.folder, machine), String(byMs)),
  end: (farm, { machine }) => writeFileSync(clockFile(farm.folder, machine), "0"),
});

const partition: FaultAction = {
  begin: async (farm, { machine, peer = machine }) => {
    await Promise.all([farm.network.cut(machine, peer), farm.network.cut(peer, machine)]);
  },
  end: async (farm, { machine, peer = machine }) => {
    await Promise.all([farm.network.mend(machine, peer), farm.network.mend(peer, machine)]);
  },
};

const oneWay: FaultAction = {
  begin: (farm, { machine, peer = machine }) => farm.network.cut(machine, peer),
  end: (farm, { machine, peer = machine }) => farm.network.mend(machine, peer),
};

const detour = (manner: RelayManner, waysOf: (target: Target) => Way[]): FaultAction => ({
  begin: (farm, target) => farm.detours.lead(waysOf(target), manner),
  end: (farm, target) => farm.detours.mend(waysOf(target)),
});
const itsWay = ({ machine, peer = machine }: Target): Way[] => [{ from: machine, to: peer }];
const allWaysTo = ({ machine }: Target): Way[] =>
  [...AGENTS, ...COORDINATORS, "home" as const].map((from) => ({ from, to: machine }));

export const FAULT_ACTIONS: Record<FaultKind, FaultAction> = {
  ...{ "kill-coordinator": kill, "kill-agent": kill, "kill-nats": kill, "kill-store": kill, "kill-database": kill },
  ...{
    "freeze-coordinator": freeze,
    "freeze-agent": freeze,
    "freeze-nats": freeze,
    "freeze-store": freeze,
    "freeze-database": freeze,
  },
  ...{ "lose-agent": freeze, "reboot-agent": reboot, "wipe-nats": wipeNats },
  ...{ "disk-full-agent": fillDisk, "disk-full-coordinator": fillDisk, "disk-full-database": fillDisk },
  ...{ "clock-ahead": stepClock(HOUR_MS), "clock-behind": stepClock(-HOUR_MS) },
  ...{ partition, "one-way-partition": oneWay },
  "slow-way": detour({ manner: "slow", delayMs: 200, lossShare: 0.05 }, itsWay),
  "store-unavailable": detour({ manner: "unavailable" }, allWaysTo),
  "cut-transfers": detour({ manner: "cut", afterBytes: 100_000 }, itsWay),
};
