/** `npm run simulate`: lives through many histories, or through one again, or looks for planted bugs. */
import { findPlanted } from "./command/planted.ts";
import { printBroken, simulateMany } from "./command/many.ts";
import type { Options } from "./command/options.ts";
import { USAGE, parseOptions } from "./command/options.ts";
import { serveSeeds } from "./command/worker.ts";
import { loadSimulation } from "./load.ts";
import { PLANTED_BUGS } from "./planted/bugs.ts";
import type { PlantedBug } from "./planted/planted-bug.ts";

try {
  const options = parseOptions(process.argv.slice(2));
  const isFine = await run(options);
  if (!isFine) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

async function run(options: Options): Promise<boolean> {
  if (options.help) {
    console.log(USAGE);
    return true;
  }
  if (options.planted) return findPlanted(options);
  const bug = options.plant === undefined ? undefined : bugNamed(options.plant);
  if (options.worker) {
    serveSeeds(await loadSimulation(bug));
    return true;
  }
  return options.seed === undefined ? simulateMany(options) : simulateOne(options.seed, bug);
}

/** One history, told in full. */
async function simulateOne(seed: number, bug: PlantedBug | undefined): Promise<boolean> {
  const simulate = await loadSimulation(bug);
  const verdict = await simulate(seed, { keepHistory: true });
  console.log(verdict.lines.join("\n"));
  const { digest, steps, runs, faults, broken } = verdict;
  console.log(`seed ${seed}: history ${digest}, ${steps} steps, ${runs} runs, ${faults} faults`);
  if (broken !== undefined) printBroken(verdict, bug?.name);
  return broken === undefined;
}

function bugNamed(name: string): PlantedBug {
  const bug = PLANTED_BUGS.find((each) => each.name === name);
  if (bug === undefined) throw new Error(`No planted bug is called "${name}".`);
  return bug;
}
