/** Many histories: those of all seeds that ever failed, then fresh ones. */
import { readFileSync } from "node:fs";
import type { Verdict } from "../simulation.ts";
import type { Options } from "./options.ts";
import { handOut } from "./worker.ts";

const FAILED_SEEDS = new URL("../../failed-seeds.txt", import.meta.url);
/** Histories of failures that are printed. */
const MOST_PRINTED = 5;

/** Prints each failure with its replay command, and a summary; whether there was none. */
export async function simulateMany(options: Options): Promise<boolean> {
  const { seeds, from, workers, plant } = options;
  const known = plant === undefined ? failedSeeds() : [];
  console.log(`${known.length} seeds that failed once, then ${seeds} from ${from} on, in ${workers} processes`);
  const began = performance.now();
  const total = { histories: 0, steps: 0, runs: 0, faults: 0, broken: 0 };
  await handOut(order(known, from, seeds), { workers, plant }, (verdict) => {
    total.histories++;
    total.steps += verdict.steps;
    total.runs += verdict.runs;
    total.faults += verdict.faults;
    if (verdict.broken !== undefined && ++total.broken <= MOST_PRINTED) printBroken(verdict, plant);
    return "go on";
  });
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  const counts = `${total.runs} runs, ${total.faults} faults, ${total.steps} steps`;
  console.log(`${total.histories} histories (${counts}) in ${seconds} s: ${total.broken} broke a promise`);
  return total.broken === 0;
}

export function printBroken({ seed, broken, lines }: Verdict, plant: string | undefined): void {
  console.log(`\nseed ${seed}: ${broken}\n${lines.slice(-30).join("\n")}`);
  console.log(`Again, in full: npm run simulate -- --seed ${seed}${plant === undefined ? "" : ` --plant ${plant}`}\n`);
}

function failedSeeds(): number[] {
  const lines = readFileSync(FAILED_SEEDS, "utf8").split("\n");
  return lines.flatMap((line) => (/^\d+/.test(line) ? [Number.parseInt(line, 10)] : []));
}

function* order(known: readonly number[], from: number, count: number): Generator<number> {
  yield* known;
  for (let seed = from; seed < from + count; seed++) yield seed;
}
