/** `spell run`: sends the code, queues a run, follows its logs. */
import type { Command } from "commander";
import { Option } from "commander";
import { addCommandFile } from "../command-file.ts";
import { submitCode } from "../code/submit-code.ts";
import { checkMachineType } from "../machine-type-option.ts";
import { parseMountOption } from "../mount-option.ts";
import { followLogs } from "../output/follow-logs.ts";
import { runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";
import {
  addRefusedOptions,
  addSharedOptions,
  checkCommitRef,
  collect,
  joinCommand,
  parseEnvironment,
} from "../shared-options.ts";
import type { CommandOptions } from "../shared-options.ts";
import { waitForEnd } from "../wait-run.ts";

interface RunOptions extends CommandOptions {
  machineType?: string;
  mount?: string[];
  label?: string[];
  cwd?: string;
  wait?: boolean;
}

const HELP = `
The files of the git repository around the current directory are sent along: tracked, changed and untracked ones that
are not ignored. Outside a repository it is the current directory. They lie at /spell/NAME in the run.
Options may stand before or after the command. A command with options of its own follows "--".

The exit code says whether the run was queued, not what became of it. With --wait it is the command's own exit code when
the run completes or fails, and 125 when it was stopped, killed or lost, or could not be started or saved; ^C leaves the
run alone and exits with 130.

Examples:
  spell run python train.py -t V100 -m runs/12/input.txt:/data/input.txt
  spell run -b -- python train.py --epochs 5
  spell run --wait make test && spell run make release
`;
const OWN_OPTIONS_HINT = '(A command with options of its own follows "--": spell run -- python train.py --epochs 5)\n';

/** Adds the command to the program. */
export function registerRun(program: Command): void {
  const command = program
    .command("run")
    .description("Run a command on a machine of the farm.")
    .argument("<command...>", "a shell line, quoted or not")
    .option("-t, --machine-type <TYPE>", "where to run (default: CPU)")
    .option("-m, --mount <RESOURCE[:PATH]>", "make outputs of another run visible; may be repeated", collect)
    .option("--label <NAME>", "for finding the run again; may be repeated", collect)
    .option("--cwd <DIR>", "directory to start in, relative to the code's root (default: the current one)")
    .addOption(
      new Option("--wait", "wait for the end without showing the logs, and exit as the command did").conflicts(
        "background",
      ),
    )
    .configureOutput({
      outputError: (text, write) => write(text.includes("unknown option") ? text + OWN_OPTIONS_HINT : text),
    });
  addSharedOptions(command);
  addRefusedOptions(command, "run");
  addCommandFile(command).addHelpText("after", HELP).action(run);
}

async function run(words: string[], options: RunOptions): Promise<void> {
  const command = joinCommand(words);
  const environment = parseEnvironment(options.env ?? []);
  const mounts = (options.mount ?? []).map(parseMountOption);
  checkCommitRef(options.commitRef);
  const { machineType, verbose = false, json = false } = options;
  using client = openClient();
  const checked = client.account.listMachineTypes().then((types) => {
    if (machineType !== undefined)
      checkMachineType(
        machineType,
        types.map(({ name }) => name),
      );
  });
  // Awaited while the code is submitted.
  checked.catch(() => undefined);
  const { code, cwd, subject } = await submitCode({
    client,
    labelled: [],
    force: options.force ?? false,
    verbose,
    quiet: json,
    meanwhile: checked,
  });
  const created = await client.runs.create({
    command,
    machineType,
    environment,
    mounts,
    description: options.description ?? subject,
    code,
    cwd: options.cwd ?? cwd,
    labels: options.label,
  });
  if (json) terminal.json(runToJson(created));
  else terminal.say("cast", `Casting spell #${created.id}…`);
  if (options.background) {
    if (!json) terminal.line(`View logs with \`spell logs ${created.id}\``);
    return;
  }
  const whenDetached = [
    "Your run is still running remotely.",
    `Use 'spell kill ${created.id}' to terminate your run`,
    `Use 'spell logs ${created.id}' to view logs again`,
  ];
  if (options.wait) {
    await waitForEnd(created, { json, whenDetached });
    return;
  }
  if (!json) terminal.say("spark", "Stop viewing logs with ^C");
  await followLogs(created, { follow: true, verbose, json, whenDetached });
}
