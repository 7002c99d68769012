/** What the command line asks for. */
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

export const USAGE = `npm run simulate -- [--seeds N] [--from SEED] [--workers N]   lives through N histories (default 1,000)
npm run simulate -- --seed SEED                               lives through one and prints it
npm run simulate -- --planted [--only NAME]                   how many seeds each planted bug takes to be found
Besides: --plant NAME with --seed or --seeds lives through them with that bug planted.`;

export interface Options {
  /** One history, told in full. */
  seed?: number;
  seeds: number;
  from: number;
  workers: number;
  /** Name of a planted bug. */
  plant?: string;
  planted: boolean;
  only?: string;
  /** A process that is handed seeds. */
  worker: boolean;
  help: boolean;
}

/** Throws with what is wrong. Nothing of the product is loaded yet: it must not be before its modules are replaced. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  const whole = (name: "seed" | "seeds" | "from" | "workers"): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (!/^\d{1,10}$/.test(text)) {
      throw new Error(`--${name} takes a whole number, not "${text}".\n${USAGE}`);
    }
    return Number(text);
  };
  return {
    seed: whole("seed"),
    seeds: whole("seeds") ?? 1_000,
    from: whole("from") ?? randomInt(2 ** 31),
    workers: Math.max(1, whole("workers") ?? availableParallelism()),
    plant: values.plant,
    planted: values.planted,
    only: values.only,
    worker: values.worker,
    help: values.help,
  };
}

function parse(args: readonly string[]): ReturnType<typeof parseKnown> {
  try {
    return parseKnown(args);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, { cause: error });
  }
}

function parseKnown(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      workers: { type: "string" },
      plant: { type: "string" },
      planted: { type: "boolean", default: false },
      only: { type: "string" },
      worker: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
}
