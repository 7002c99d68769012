/** `spell run`: sends the code, queues a run, follows its logs. */
import type { Command } from "commander";
import { Option } from "commander";
import { addCommandFile } from "../command-file.ts";
import { createWithCode } from "../code/create-with-code.ts";
import { followLogs } from "../output/follow-logs.ts";
import { runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { addRunOptions, prepareRun } from "../run-request.ts";
import type { RunOptions } from "../run-request.ts";
import { openClient } from "../session.ts";
import { waitForEnd } from "../wait-run.ts";

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
  spell run --param lr=0.01 "python train.py --lr :lr:"
  spell run --wait make test && spell run make release
`;
const OWN_OPTIONS_HINT = '(A command with options of its own follows "--": spell run -- python train.py --epochs 5)\n';

/** Adds the command to the program. */
export function registerRun(program: Command): void {
  const command = program
    .command("run")
    .description("Run a command on a machine of the farm.")
    .argument("<command...>", "a shell line, quoted or not")
    .addOption(
      new Option("--wait", "wait for the end without showing the logs, and exit as the command did").conflicts(
        "background",
      ),
    )
    .configureOutput({
      outputError: (text, write) => write(text.includes("unknown option") ? text + OWN_OPTIONS_HINT : text),
    });
  addRunOptions(command);
  addCommandFile(command).addHelpText("after", HELP).action(run);
}

async function run(words: string[], options: RunOptions & { wait?: boolean }): Promise<void> {
  const { verbose = false, json = false } = options;
  using client = openClient();
  const created = await createWithCode(
    () => prepareRun(words, options, { client, quiet: json }),
    (request) => client.runs.create(request),
  );
  if (json) terminal.json(runToJson(created));
  else if (created.alreadyExisted) terminal.say("again", `Idempotent: Found existing run ${created.id}…`);
  else terminal.say("cast", `Casting spell #${created.id}…`);
  if (options.background) {
    if (!json && !created.alreadyExisted) terminal.line(`View logs with \`spell logs ${created.id}\``);
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
