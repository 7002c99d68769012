/** The options of `npm run bench`. Pure. */
import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Names of the measurements to make; all when empty. */
  only: string[];
  /** Few samples: whether everything works, not how fast it is. */
  quick: boolean;
  /** Where the figures are written as JSON. */
  json?: string;
}

/** Parses the words after `npm run bench --`; "help" when that was asked for. Throws an Error that names the wrong word. */
export function parseOptions(words: readonly string[], known: readonly string[]): BenchOptions | "help" {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const only = [...values.only, ...positionals].flatMap((list) => list.split(","));
  const wrong = only.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new Error(`--only knows ${known.join(", ")}, not "${wrong}"`);
  return { only, quick: values.quick, json: values.json };
}

/** What `--help` prints. */
export function usage(known: readonly string[]): string {
  return `npm run bench -- [options]
  A B           the same as --only A,B
  --only A,B    only these: ${known.join(", ")}
  --quick       few samples, to see that it works
  --json FILE   write the figures there, too
  --help        this`;
}
