/** Entry of `spell chaos`: makes a place for the trial, goes on inside its namespaces, and says what came of it. */
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import { messageOf } from "@spell/domain";
import type { ChaosOptions } from "./options.ts";
import { parseOptions } from "./options.ts";
import { AS_RELAY, serveAsRelay } from "./relay/relay-process.ts";
import { EXIT_INTERRUPTED, INSIDE, endOfInput, goInside } from "./stage/enter.ts";
import { Workplace } from "./stage/workplace.ts";
import { tryFarm } from "./trial.ts";
import { verdictLines } from "./verdict/table.ts";

const EXIT_WRONG = 1;
const EXIT_USAGE = 2;
const EXIT_NOT_MADE = 3;

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  try {
    if (words[0] === INSIDE) return await inside(words[1] ?? "", JSON.parse(words[2] ?? "") as ChaosOptions);
    if (words[0] === AS_RELAY) return await serveAsRelay(say);
    return await outside(parseOptions(words, () => Math.floor(Math.random() * 2 ** 31)));
  } catch (error) {
    const isUsage = error instanceof CommanderError;
    if (isUsage && error.exitCode === 0) return 0;
    process.stderr.write(`spell chaos: ${messageOf(error).replace(/^error: /, "")}\n`);
    return isUsage ? EXIT_USAGE : EXIT_NOT_MADE;
  }
}

async function outside(options: ChaosOptions): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => interrupted.abort());
  using workplace = new Workplace();
  const words = [workplace.path, JSON.stringify(options)];
  const exitCode = await goInside(fileURLToPath(import.meta.url), words, interrupted.signal);
  if (interrupted.signal.aborted) return EXIT_INTERRUPTED;
  const isToBeLookedAt = exitCode === EXIT_WRONG || exitCode === EXIT_NOT_MADE;
  if (!isToBeLookedAt || !existsSync(join(workplace.path, "logs"))) return exitCode;
  const kept = options.keep ?? mkdtempSync(join(tmpdir(), "chaos-kept-"));
  workplace.keep(kept);
  say(`Logs and evidence are in ${kept}. The same choices again: --seed ${options.seed}`);
  return exitCode;
}

async function inside(folder: string, options: ChaosOptions): Promise<number> {
  const signal = endOfInput();
  const startedAt = performance.now();
  try {
    const verdict = await tryFarm({ options, folder, say, signal });
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(verdict, undefined, 2));
    for (const line of verdictLines(verdict)) say(line);
    say(`Seed ${options.seed}; ${Math.round((performance.now() - startedAt) / 1_000)} s.`);
    return verdict.complaints.length === 0 ? 0 : EXIT_WRONG;
  } catch (error) {
    if (signal.aborted) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    process.stdin.destroy();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
