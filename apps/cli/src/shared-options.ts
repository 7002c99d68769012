/** Options that `run` and `workflow` share, and those of the historical client that are not offered yet. */
import type { Command } from "commander";
import { Option } from "commander";
import { argumentError } from "./exit-codes.ts";

/** Gathers a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** Options as commander gives them. */
export interface CommandOptions {
  env?: string[];
  description?: string;
  commitRef?: string;
  background?: boolean;
  force?: boolean;
  verbose?: boolean;
  json?: boolean;
}

export function addSharedOptions(command: Command): Command {
  return command
    .option("-e, --env <NAME=VALUE>", "environment variable in the run; may be repeated", collect)
    .option("-d, --description <TEXT>", "for people to read (default: first line of the commit's message)")
    .addOption(new Option("-c, --commit-ref <REF>", "always HEAD with all uncommitted changes").hideHelp())
    .option("-b, --background", "do not follow the logs")
    .option("-f, --force", "ask and refuse less: also send a whole home directory")
    .option("-v, --verbose", "show every message of the log as a line")
    .option("--json", "print JSON: one line for what was created, then one per log entry");
}

const NOT_YET: Readonly<Record<string, string>> = {
  "--pip <PACKAGE>":
    "Packages cannot be installed by option yet. Put `pip install PACKAGE &&` in front of the command.",
  "--pip-req <FILE>":
    "Packages cannot be installed by option yet. Put `pip install -r FILE &&` in front of the command.",
  "--apt <PACKAGE>":
    "Packages cannot be installed by option yet. Put `apt-get install -y PACKAGE &&` in front of the command.",
  "--conda-file <FILE>": "Conda environments are not offered yet. Use an environment that exists on the machine.",
  "--conda-env <NAME>": "Conda environments are not offered yet. Use an environment that exists on the machine.",
  "--deps-from-env": "Packages cannot be installed by option yet.",
  "--docker-image <IMAGE>": "Docker images are not offered yet: a run sees the machine's own programs.",
  "--from <IMAGE>": "Docker images are not offered yet: a run sees the machine's own programs.",
  "--docker <IMAGE>": "Docker images are not offered yet: a run sees the machine's own programs.",
  "--framework <NAME>": "Frameworks cannot be chosen: a run sees the machine's own programs.",
  "--python2": "Python 2 cannot be chosen: a run sees the machine's own programs.",
  "--github-url <URL>": "Code from GitHub is not offered yet. Clone the repository and start from there.",
  "--github-ref <REF>": "Code from GitHub is not offered yet. Clone the repository and start from there.",
};

const NOT_YET_RUN: Readonly<Record<string, string>> = {
  "-p, --project <NAME>": "Projects are not offered yet. Use --label.",
  "--tensorboard-dir <DIR>": "TensorBoard directories are not offered yet.",
  "--distributed <N>": "Distributed runs are not offered yet.",
  "--auto-resume": "Runs are not resumed by themselves yet.",
  "--timeout <MINUTES>": "Time limits are not offered yet. Put `timeout SECONDS` in front of the command.",
  "--stop-condition <CONDITION>": "Stop conditions are not offered yet.",
  "--idempotent": "Earlier runs cannot be reused yet.",
};

const NOT_YET_WORKFLOW: Readonly<Record<string, string>> = {
  "--github-repo <LABEL=URL>":
    "Code from GitHub is not offered yet. Clone the repository and name it with --repo LABEL=PATH.",
  "--local": "Master runs on this machine are not offered yet.",
};

/** Accepts these options only to refuse them with a sentence: silence would change what the user asked for. */
export function addRefusedOptions(command: Command, kind: "run" | "workflow"): Command {
  for (const [flags, why] of Object.entries({ ...NOT_YET, ...(kind === "run" ? NOT_YET_RUN : NOT_YET_WORKFLOW) })) {
    const option = new Option(flags, why).hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      throw argumentError(`${option.long ?? flags}: ${why}`);
    });
  }
  // What every run has anyway.
  return command.addOption(new Option("--python3").hideHelp());
}

/** `-c`: only what happens anyway may be asked for. */
export function checkCommitRef(ref: string | undefined): void {
  if (ref === undefined || ref === "HEAD") return;
  throw argumentError(
    `--commit-ref ${ref}: a commit cannot be chosen yet. Check it out; the files are sent as they are now.`,
  );
}

/** `NAME=VALUE` pairs; the value may contain `=`; without `=` it is empty. Throws exit code 3. Pure. */
export function parseEnvironment(pairs: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const pair of pairs) {
    const end = pair.indexOf("=");
    const name = end === -1 ? pair : pair.slice(0, end);
    if (name === "") throw argumentError(`--env "${pair}": an environment variable needs a name: write NAME=VALUE.`);
    environment[name] = end === -1 ? "" : pair.slice(end + 1);
  }
  return environment;
}

/** Words joined by single spaces, as typed. Throws exit code 3 when nothing is left to run. Pure. */
export function joinCommand(words: readonly string[]): string {
  const command = words.join(" ");
  if (command.trim() !== "") return command;
  throw argumentError('The command is empty: say what to run, for example spell run "python train.py".');
}
