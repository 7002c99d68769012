/** Options of old command lines: some cannot be honoured here, some never mean anything here. */
import type { Command } from "commander";
import { Option } from "commander";
import { argumentError } from "./exit-codes.ts";

const NO_IMAGES = "Docker images are not offered yet: a run sees the machine's own programs.";
const NO_CONDA = "Conda environments are not offered yet. Use an environment that exists on the machine.";

/** Refused with a sentence: silence would change what the user asked for. */
const REFUSED: Readonly<Record<string, string>> = {
  "--pip <PACKAGE>":
    "Packages cannot be installed by option yet. Put `pip install PACKAGE &&` in front of the command.",
  "--pip-req <FILE>":
    "Packages cannot be installed by option yet. Put `pip install -r FILE &&` in front of the command.",
  "--apt <PACKAGE>":
    "Packages cannot be installed by option yet. Put `apt-get install -y PACKAGE &&` in front of the command.",
  "--conda-file <FILE>": NO_CONDA,
  "--conda-env <NAME>": NO_CONDA,
  "--deps-from-env": "Packages cannot be installed by option yet.",
  "--docker-image <IMAGE>": NO_IMAGES,
  "--docker_image <IMAGE>": NO_IMAGES,
  "--from <IMAGE>": NO_IMAGES,
  "--docker <IMAGE>": NO_IMAGES,
  "--python2": "Python 2 cannot be chosen: a run sees the machine's own programs.",
};

const REFUSED_OF_RUNS: Readonly<Record<string, string>> = {
  "--tensorboard-dir <DIR>": "TensorBoard directories are not offered yet.",
  "--provider <NAME>": "Providers cannot be chosen: all machines are your own. Use --machine-type.",
  "--node-group <NAME>": "Node groups cannot be chosen. Use --machine-type.",
};

/** Adds them to a command, hidden from its help. */
export function addOldOptions(command: Command, kind: "run" | "workflow"): Command {
  const refused = kind === "run" ? { ...REFUSED, ...REFUSED_OF_RUNS } : REFUSED;
  for (const [flags, why] of Object.entries(refused)) {
    const option = new Option(flags, why).hideHelp();
    command.addOption(option).on(`option:${option.name()}`, () => {
      throw argumentError(`${option.long ?? flags}: ${why}`);
    });
  }
  for (const flags of ["--framework <NAME[==VERSION]>", "--python3", "--local-caching"]) {
    command.addOption(new Option(flags).hideHelp());
  }
  return command;
}

/** Options that only deserve a warning: the run is the same without them. */
export interface HintOptions {
  framework?: string;
  python3?: boolean;
  localCaching?: boolean;
}

/** The words of the warnings. Pure. */
export function hintsOf({ framework, python3, localCaching }: HintOptions): string[] {
  const hints = [framework && `--framework ${framework}`, python3 && "--python3", localCaching && "--local-caching"];
  return hints.filter((hint) => typeof hint === "string" && hint !== "") as string[];
}
