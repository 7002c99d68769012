/** One trial, inside its namespaces: a farm, a load, faults, a calm, and what the farm says afterwards. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Farm } from "./farm/farm.ts";
import { AGENTS } from "./faults/fault.ts";
import type { Fault, MachineName } from "./faults/fault.ts";
import { inject } from "./faults/inject.ts";
import { planFaults } from "./faults/plan.ts";
import { Ledger } from "./load/ledger.ts";
import { probeTask } from "./load/task.ts";
import { Users } from "./load/users.ts";
import { HOME, MACHINES, PORTS } from "./network/addresses.ts";
import type { ChaosOptions } from "./options.ts";
import { seeded } from "./random.ts";
import { collectTasks } from "./verdict/collect.ts";
import type { Evidence } from "./verdict/evidence.ts";
import type { Verdict } from "./verdict/table.ts";
import { toVerdict } from "./verdict/table.ts";

/** How long processes of runs may take to go once all runs have ended. */
const LEFTOVER_MS = 10_000;
const LOOK_EVERY_MS = 100;
const ADDRESS = { host: HOME.ip, port: PORTS.ledger };

export interface TrialSettings {
  options: ChaosOptions;
  folder: string;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** Throws when the farm cannot be made, and `Interrupted` when it was not to go on. */
export async function tryFarm(settings: TrialSettings): Promise<Verdict> {
  const { options, folder, say, signal } = settings;
  const machines = new Set(MACHINES.filter((name) => !missing(options).includes(name)));
  const plan = planFaults({ count: options.faults, kinds: options.kinds, machines }, seeded(options.seed, "faults"));
  say(`Seed ${options.seed}. Making a farm of ${machines.size} machines.`);
  await using farm = await Farm.start(folder, { ...options, machines });
  await using ledger = await Ledger.open(ADDRESS, now);
  using client = farm.client();
  const calm = new AbortController();
  const random = seeded(options.seed, "load");
  const users = new Users({ client, ledger: ADDRESS, random, now, signal: AbortSignal.any([calm.signal, signal]) });
  let isOver = false;
  const working = Promise.all(Array.from({ length: options.users }, () => users.work(() => isOver)));
  // What it throws is seen when it is awaited.
  working.catch(() => undefined);
  const untilWell = async ({ number, target: { machine } }: Fault): Promise<void> => {
    await users.play(probeTask(number), { machineType: AGENTS.find((name) => name === machine) });
  };
  const limits = { together: options.together, withinMs: options.minutes * 60_000 };
  const faults = await inject({ farm, plan, ...limits, now, untilWell, say, signal });
  if (faults.length < plan.length) say(`The time is over: ${faults.length} of ${plan.length} faults.`);
  say("The last fault has ended; waiting until all is calm.");
  isOver = true;
  const timer = setTimeout(() => calm.abort(), options.calmSeconds * 1_000);
  await working;
  clearTimeout(timer);
  signal.throwIfAborted();
  const leftovers = await leftoversOf(farm);
  const tasks = await collectTasks(client, { asked: users.asked, ledger, folder });
  for (const crash of farm.crashes()) say(`Note: ${crash}.`);
  const evidence: Evidence = { leaseMs: options.leaseSeconds * 1_000, faults, tasks, leftovers };
  writeFileSync(join(folder, "evidence.json"), JSON.stringify(evidence, undefined, 1));
  return toVerdict(evidence);
}

/** Machines that a farm of these options does not have. */
function missing({ store, record }: ChaosOptions): MachineName[] {
  return [
    ...(store === "minio" ? [] : ["store" as const]),
    // Only a database lets a second coordinator stand by.
    ...(record === "postgres" ? [] : (["coordinator2", "database"] as const)),
  ];
}

function now(): number {
  return performance.now();
}

/** Processes on the agents' machines that are neither the agent nor gone within a while. */
async function leftoversOf(farm: Farm): Promise<string[]> {
  const deadline = now() + LEFTOVER_MS;
  for (;;) {
    const found = AGENTS.flatMap((name) => farm.strangers(name).map((line) => `${name}: ${line}`));
    if (found.length === 0 || now() > deadline) return found;
    await sleep(LOOK_EVERY_MS);
  }
}
