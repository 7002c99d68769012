/**
 * `npm run demo`: a farm in a temporary folder, the example's three-stage workflow on it, the text it wrote, the time of
 * each stage, and how to go on. Ends everything it started, also when it fails or is interrupted.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf } from "@spell/domain";
import { Interrupted, interruption, repositoryRoot } from "@spell/testing";
import { CommandError } from "../farm/spell-up.ts";
import type { SpellCommand } from "./command.ts";
import { ask, show, startFarm } from "./command.ts";
import { findText, usualPlaces } from "./find-text.ts";
import { hiddenCloneHint, keptNote, nextSteps } from "./next-steps.ts";
import type { DemoOptions } from "./options.ts";
import { USAGE, parseOptions } from "./options.ts";
import { answersWithText, serveText } from "./serve-text.ts";
import { parseWorkflow, stageTable } from "./stages.ts";
import type { Workplace } from "./workplace.ts";
import { prepareWorkplace, removeWorkplace, userEnvironment } from "./workplace.ts";

/** What the example downloads when it is told nothing. */
const PUBLIC_TEXT_URL = "https://www.gutenberg.org/files/2600/2600-0.txt";
const PUBLIC_TEXT_TIMEOUT_MS = 3_000;
/** Free ports: a farm of the user's may have the usual ones. */
const UP_ARGS = ["--grpc-port", "0", "--http-port", "0", "--nats-port", "0"];

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  let options: DemoOptions | "help";
  try {
    options = parseOptions(words);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  const signal = interruption("Ending everything the demo started.");
  const place = await prepareWorkplace(repositoryRoot);
  try {
    await demonstrate(options, place, signal);
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    console.error(`\n${messageOf(error)}`);
    return 1;
  } finally {
    if (options.keep) console.log(`\n${keptNote(place)}`);
    else await removeWorkplace(place.path);
  }
}

async function demonstrate(options: DemoOptions, place: Workplace, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const spell: SpellCommand = {
    program: join(repositoryRoot, "apps", "cli", "bin", "spell"),
    cwd: place.project,
    env: userEnvironment(repositoryRoot, place, process.env),
  };
  await using text = await chooseText(options, signal);
  console.log(text.sentence);
  await using farm = await startFarm(spell, { dataFolder: place.data, flags: UP_ARGS }, signal);
  const whileUp = AbortSignal.any([signal, farm.lost]);

  await show(spell, workflowArgs(options, text.url), whileUp);
  const { master, stages } = parseWorkflow(await ask(spell, ["ps", "--json"], whileUp));
  if (master.status !== "complete") {
    const failed = stages.find(({ status }) => status !== "complete") ?? master;
    await show(spell, ["logs", "--verbose", "--tail", "30", String(failed.runId)], whileUp);
    const what = `The demo failed: "${failed.title}" (run ${failed.runId}) is ${failed.status}. ${failed.reason}`;
    throw new CommandError([what, ...hiddenCloneHint(repositoryRoot, process.getuid?.())].join("\n"));
  }
  const writer = stages.at(-1) ?? master;
  console.log("\nThe text that it wrote stays in the log of its run:");
  await show(spell, ["logs", String(writer.runId)], whileUp);

  console.log(`\nHow long each stage took:\n\n${stageTable(stages).join("\n")}\n`);
  console.log(`With the start of the farm: ${((performance.now() - startedAt) / 1000).toFixed(1)} s.\n`);
  const { typescript } = options;
  console.log(nextSteps({ root: repositoryRoot, textUrl: text.lastingUrl, typescript }).join("\n"));
}

interface ChosenText extends AsyncDisposable {
  sentence: string;
  /** Where the download stage gets it; undefined: the example knows by itself. */
  url?: string;
  /** The same when the demo has ended. */
  lastingUrl?: string;
}

async function chooseText({ text: wanted }: DemoOptions, signal: AbortSignal): Promise<ChosenText> {
  if (wanted === undefined && (await answersWithText(PUBLIC_TEXT_URL, PUBLIC_TEXT_TIMEOUT_MS, signal))) {
    const sentence = `The text to learn from: War and Peace, ${PUBLIC_TEXT_URL}`;
    return { sentence, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  signal.throwIfAborted();
  const found = findText({ wanted, ...usualPlaces(repositoryRoot) });
  const server = await serveText(found);
  const why = wanted === undefined ? " (War and Peace cannot be had from the web here)" : "";
  return {
    sentence: `The text to learn from: ${found.sentence}, served at ${server.url}${why}`,
    url: server.url,
    lastingUrl: pathToFileURL(found.path).href,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function workflowArgs({ typescript, seconds }: DemoOptions, textUrl: string | undefined): string[] {
  const variables = [
    ...(textUrl === undefined ? [] : [`TEXT_URL=${textUrl}`]),
    ...(seconds === undefined ? [] : [`TRAIN_SECONDS=${seconds}`]),
  ];
  return [
    ...["workflow", "--repo", "char-rnn=char-rnn-tensorflow/"],
    ...variables.flatMap((variable) => ["-e", variable]),
    typescript ? "node workflow.ts" : "python workflow.py",
  ];
}
