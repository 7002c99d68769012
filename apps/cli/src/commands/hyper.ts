/** `spell hyper`: searches for good parameters. This file has what makes a search. */
import type { HyperSearch, RunRequest, SearchedRun, SpellClient } from "@spell/sdk";
import type { Command } from "commander";
import { Option } from "commander";
import { addCommandFile } from "../command-file.ts";
import { createWithCode } from "../code/create-with-code.ts";
import { argumentError, usageError } from "../exit-codes.ts";
import { PARAM_FORMS, parseLists, parseListsAndRanges, parseRanges } from "../hyper-param-option.ts";
import { formatListing } from "../output/format.ts";
import { parameterNames, searchToJson, valueCells } from "../output/search-text.ts";
import { terminal } from "../output/terminal.ts";
import { addRunOptions, prepareRun } from "../run-request.ts";
import type { RunOptions } from "../run-request.ts";
import { openClient } from "../session.ts";
import { collect } from "../shared-options.ts";
import { registerSearchCommands } from "./hyper-searches.ts";

interface SearchOptions extends RunOptions {
  jsonParam?: string[];
  numRuns?: number;
  parallelRuns?: number;
  metric?: string;
  metricAgg?: "avg" | "min" | "max" | "last";
}

const SUMMARIES = {
  grid: "one run for each combination of the values",
  random: "runs with values drawn by chance",
  bayesian: "runs whose values follow from what those before have reached",
} as const;

const HELP = {
  grid: `
Example:
  spell hyper grid --param lr=0.1,0.01 --param layers=2,3 "python train.py --lr :lr: --layers :layers:"
`,
  random: `
Example:
  spell hyper random -n 20 --param lr=0.0001:0.1:log --param units=16:128:linear:int "python train.py :lr: :units:"
`,
  bayesian: `
The search looks for the largest value of the metric: to minimise a loss, send its negative.

Example:
  spell hyper bayesian -n 30 -r 3 --metric val_acc -a max --param lr=0.0001:0.1:log "python train.py --lr :lr:"
`,
} as const;

/** Adds the command and its sub-commands to the program. */
export function registerHyper(program: Command): void {
  const group = program
    .command("hyper")
    .description("Search for good parameters with many runs of one command.")
    .helpCommand(false)
    .enablePositionalOptions();
  for (const kind of ["grid", "random", "bayesian"] as const) {
    const command = group
      .command(kind)
      .description(`search by ${SUMMARIES[kind]}`)
      .argument("<command...>", "a shell line with a place :NAME: for each parameter");
    addRunOptions(command, { flags: `--param <${PARAM_FORMS[kind]}>`, help: "values of a parameter; may be repeated" });
    if (kind !== "bayesian") command.option("--json-param <NAME=[VALUE,...]>", "the same as a list in JSON", collect);
    if (kind !== "grid") command.requiredOption("-n, --num-runs <N>", "how many runs", wholeNumber("--num-runs"));
    if (kind === "bayesian") {
      command
        .requiredOption("-r, --parallel-runs <N>", "how many at the same time", wholeNumber("--parallel-runs"))
        .requiredOption("--metric <NAME>", "the metric to maximise")
        .addOption(
          new Option("-a, --metric-agg <WHICH>", "which of a run's values counts")
            .choices(["avg", "min", "max", "last"])
            .makeOptionMandatory(),
        );
    }
    addCommandFile(command)
      .addHelpText("after", HELP[kind])
      .action((words: string[], options: SearchOptions) => create(kind, words, options));
  }
  registerSearchCommands(group);
}

async function create(kind: keyof typeof HELP, words: string[], options: SearchOptions): Promise<void> {
  const { json = false } = options;
  if (options.idempotent) throw argumentError("--idempotent: the runs of a search are always new ones.");
  const start = starter(kind, options);
  using client = openClient();
  const search = await createWithCode(
    () => prepareRun(words, { ...options, param: undefined }, { client, quiet: json }),
    (request) => start(client, withoutIdempotent(request)),
  );
  if (json) {
    terminal.json(searchToJson(search.record, search.runs));
    return;
  }
  terminal.say("cast", `Casting hyperparameter search #${search.id}…`);
  const names = parameterNames(search);
  const rows = search.runs.map((run) => [...valueCells(run, names), String(run.id)]);
  terminal.write(formatListing([...names, "Run ID"], rows));
}

/** Reads the options of the search before anything is sent, and gives what makes it. Throws exit codes 2 and 3. */
function starter(
  kind: keyof typeof HELP,
  options: SearchOptions,
): (client: SpellClient, run: SearchedRun) => Promise<HyperSearch> {
  const { numRuns = 0, parallelRuns = 0, metric = "", metricAgg: metricAggregation = "last" } = options;
  if (kind === "grid") {
    const params = parseLists(options);
    return (client, run) => client.hyper.newGridSearch(params, run);
  }
  if (kind === "random") {
    const params = parseListsAndRanges(options);
    return (client, run) => client.hyper.newRandomSearch(params, { numRuns }, run);
  }
  const params = parseRanges(options);
  const search = { numRuns, parallelRuns, metric, metricAggregation };
  return (client, run) => client.hyper.newBayesianSearch(params, search, run);
}

function withoutIdempotent({ idempotent: _idempotent, ...run }: RunRequest): SearchedRun {
  return run;
}

function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (/^[0-9]{1,8}$/.test(text) && Number(text) > 0) return Number(text);
    throw usageError(`${flag} needs a whole number from 1 up, not "${text}".`);
  };
}
