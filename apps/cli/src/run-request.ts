/** What `spell run` and its like ask for: the options, and the request they make. */
import type { RunRequest, SpellClient } from "@spell/sdk";
import type { Command } from "commander";
import { Option } from "commander";
import { submitCode } from "./code/submit-code.ts";
import { argumentError, usageError } from "./exit-codes.ts";
import { checkMachineType } from "./machine-type-option.ts";
import { parseMountOption } from "./mount-option.ts";
import { addOldOptions, hintsOf } from "./old-options.ts";
import { parseParams } from "./param-option.ts";
import { projectToRunIn } from "./project-option.ts";
import { parseRetry } from "./retry-option.ts";
import { addSharedOptions, checkCodeOptions, collect, joinCommand, parseEnvironment } from "./shared-options.ts";
import type { CommandOptions } from "./shared-options.ts";
import { parseStopConditions } from "./stop-condition-option.ts";

/** Options as commander gives them. */
export interface RunOptions extends CommandOptions {
  machineType?: string;
  mount?: string[];
  label?: string[];
  project?: string;
  param?: string[];
  cwd?: string;
  timeout?: number;
  stopCondition?: string[];
  retries?: number;
  retryOn?: string;
  retryBackoff?: string;
  autoResume?: boolean;
  disableAutoResume?: boolean;
  distributed?: string;
  idempotent?: boolean;
}

/** How an option is written, and what it is for. */
interface Flags {
  flags: string;
  help: string;
}

/** Adds what a run may be asked for, old options included. `param`: what `--param` means here. */
export function addRunOptions(
  command: Command,
  param: Flags = { flags: "--param <NAME=VALUE>", help: "value for :NAME: in the command; may be repeated" },
): Command {
  command
    .option("-t, --machine-type <TYPE>", "where to run (default: CPU)")
    .option("-m, --mount <RESOURCE[:PATH]>", "make outputs of another run visible; may be repeated", collect)
    .option("--label <NAME>", "for finding the run again; may be repeated", collect)
    .option("-p, --project <NAME>", "project to put the run into")
    .option(param.flags, param.help, collect)
    .option(
      "--timeout <MINUTES>",
      "stop the run after so many minutes, keeping its outputs",
      wholeNumberOf("--timeout"),
    )
    .option(
      '--stop-condition <"METRIC < VALUE">',
      'stop the run when a metric is so ("loss < 0.1:50": from index 50 on; joined by &&: all must hold); may be repeated, any is enough',
      collect,
    )
    .option(
      "--retries <N>",
      "try it again up to so often when something else than the command ended it",
      wholeNumberOf("--retries"),
    )
    .option("--retry-on <CODES>", "and when the command exits with one of these codes, such as 1,137")
    .option(
      "--retry-backoff <FIRST[,FACTOR[,MAX]]>",
      "pause before the first retry, how much longer each further one is, and the longest (default: 10s,2,10m)",
    )
    .option("--auto-resume", "when its machine is taken away, go on in a new run with the files of this one")
    .option("--disable-auto-resume", "do not (the default)")
    .option("--idempotent", "answer an earlier run that asked for the same, if one did well or is under way")
    .option("--cwd <DIR>", "directory to start in, relative to the code's root (default: the current one)")
    .addOption(new Option("--distributed <N>").hideHelp());
  addSharedOptions(command);
  return addOldOptions(command, "run");
}

/** Reads the words and options, sends the code, and gives the request. Throws before anything is sent when it can. */
export async function prepareRun(
  words: readonly string[],
  options: RunOptions,
  { client, quiet }: { client: SpellClient; quiet: boolean },
): Promise<RunRequest> {
  const read = readOptions(words, options);
  // Before the code is sent: whoever is asked a question is there to answer it.
  const project = options.project === undefined ? undefined : await projectToRunIn(client, options.project);
  const request = { ...read, projectId: project?.id };
  const { machineType, githubUrl, description } = options;
  const checked = client.account.listMachineTypes().then((types) => {
    const names = types.map(({ name }) => name);
    if (machineType !== undefined) checkMachineType(machineType, names);
  });
  // Awaited while the code is submitted.
  checked.catch(() => undefined);
  if (githubUrl !== undefined) {
    await checked;
    return request;
  }
  const { force = false, verbose = false, commitRef } = options;
  const submission = { client, labelled: [], commitRef, force, verbose, quiet, meanwhile: checked };
  const { code, cwd, subject } = await submitCode(submission);
  return { ...request, description: description ?? subject, code, cwd: request.cwd ?? cwd };
}

/** The request without code. Throws exit codes 2 and 3. Pure. */
export function readOptions(words: readonly string[], options: RunOptions): RunRequest {
  checkCodeOptions(options);
  if (options.distributed !== undefined && options.distributed !== "1") {
    throw argumentError(`--distributed ${options.distributed}: runs on several machines are not offered yet.`);
  }
  return {
    command: joinCommand(words),
    machineType: options.machineType,
    environment: parseEnvironment(options.env ?? []),
    mounts: (options.mount ?? []).map(parseMountOption),
    description: options.description,
    githubUrl: options.githubUrl,
    githubRef: options.githubRef,
    cwd: options.cwd,
    labels: options.label,
    params: parseParams(options.param ?? []),
    timeoutMinutes: options.timeout,
    stopConditions: (options.stopCondition ?? []).map(parseStopConditions),
    retry: parseRetry(options),
    autoResume: options.autoResume === true && options.disableAutoResume !== true,
    idempotent: options.idempotent,
    hints: hintsOf(options),
  };
}

function wholeNumberOf(option: string): (text: string) => number {
  return (text) => {
    if (/^[0-9]{1,8}$/.test(text) && Number(text) > 0) return Number(text);
    const what = option === "--timeout" ? "a number of minutes" : "a number";
    throw usageError(`${option} needs ${what} from 1 up, not "${text}".`);
  };
}
