/** Shows that the simulation can fail: how many seeds it takes until each planted bug is found. */
import { PLANTED_BUGS } from "../planted/bugs.ts";
import type { PlantedBug } from "../planted/planted-bug.ts";
import type { Verdict } from "../simulation.ts";
import type { Options } from "./options.ts";
import { handOut } from "./worker.ts";

/** Prints a line for each bug; whether all were found within the number of seeds that each is given. */
export async function findPlanted({ workers, only, from }: Options): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(({ name }) => only === undefined || name === only);
  if (bugs.length === 0) throw new Error(`No planted bug is called "${only}".`);
  console.log(`seeds from ${from} on`);
  let missed = 0;
  for (const bug of bugs) {
    const { tried, found } = await search(bug, { workers, from });
    if (found === undefined) missed++;
    const outcome =
      found === undefined ? `NOT FOUND in ${tried} seeds` : `found by seed ${tried} of at most ${bug.within}`;
    console.log(`${bug.name.padEnd(34)} ${outcome.padEnd(36)} ${found?.broken ?? bug.breaks}`);
  }
  console.log(`${bugs.length - missed} of ${bugs.length} planted bugs found`);
  return missed === 0;
}

async function search(
  bug: PlantedBug,
  options: { workers: number; from: number },
): Promise<{ tried: number; found?: Verdict }> {
  let tried = 0;
  let found: Verdict | undefined;
  const seeds = Array.from({ length: bug.within }, (_, index) => options.from + index);
  await handOut(seeds, { workers: options.workers, plant: bug.name }, (verdict) => {
    tried++;
    if (verdict.broken === undefined) return "go on";
    found = verdict;
    return "enough";
  });
  return { tried, found };
}
