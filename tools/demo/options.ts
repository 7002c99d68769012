/** The demo's options. Pure. */
import { parseArgs } from "node:util";

export interface DemoOptions {
  /** A text of the user's to learn from. */
  text?: string;
  /** Runs workflow.ts instead of workflow.py. */
  typescript: boolean;
  /** Leaves the folder with the farm's data. */
  keep: boolean;
  /** Training time; the example's own when undefined. */
  seconds?: number;
}

export const USAGE = `npm run demo -- [options]
  --text FILE     learn from this text (else: War and Peace from the web, or text found here)
  --seconds N     train for N seconds (else 25)
  --typescript    the workflow as a TypeScript script
  --keep          leave the folder with all data, and say where it is
  --help          this`;

/** Parses the words after `npm run demo --`; "help" when that was asked for. Throws an Error that names the wrong word. */
export function parseOptions(words: readonly string[]): DemoOptions | "help" {
  const { values } = parseArgs({
    args: [...words],
    options: {
      text: { type: "string" },
      seconds: { type: "string" },
      typescript: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const { text, typescript, keep } = values;
  return { text, typescript, keep, seconds: values.seconds === undefined ? undefined : parseSeconds(values.seconds) };
}

function parseSeconds(word: string): number {
  const seconds = Number(word);
  if (/^\d+(\.\d+)?$/.test(word) && seconds > 0 && seconds <= 86_400) return seconds;
  throw new Error(`--seconds needs a number above 0 and up to 86400, not "${word}"`);
}
