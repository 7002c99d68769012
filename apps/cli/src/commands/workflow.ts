/** `spell workflow`: sends code and labelled directories, queues a master run, follows its logs. */
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { findLabelledDirectories, parseRepoOption } from "../code/repo-option.ts";
import { submitCode } from "../code/submit-code.ts";
import { argumentError } from "../exit-codes.ts";
import { addOldOptions, hintsOf } from "../old-options.ts";
import { followLogs } from "../output/follow-logs.ts";
import { runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";
import { addSharedOptions, checkCodeOptions, collect, joinCommand, parseEnvironment } from "../shared-options.ts";
import type { CommandOptions } from "../shared-options.ts";

interface WorkflowOptions extends CommandOptions {
  repo?: string[];
}

const HELP = `
The command runs on a CPU machine as the workflow's master run; it launches worker runs with the Python or TypeScript
package, which need no login there. A worker created with a commit label gets the labelled directory of the master as it
is at that moment. Files are sent as they are now, uncommitted changes too; ignored files are not.

Example:
  spell workflow --repo char-rnn=char-rnn-tensorflow/ "python workflow.py"
`;

/** Adds the command and its sub-commands to the program. `create` may be left out. */
export function registerWorkflow(program: Command): void {
  const group = program
    .command("workflow")
    .description("Run a script that launches further runs.")
    .helpCommand(false)
    .enablePositionalOptions();
  const create = group
    .command("create", { isDefault: true })
    .description("create a workflow; the word `create` may be left out")
    .argument("<command...>", "a shell line, quoted or not")
    .option(
      "-r, --repo <LABEL=PATH>",
      "directory that worker runs get as code by this label; may be repeated",
      collect,
    );
  addSharedOptions(create);
  addOldOptions(create, "workflow");
  addCommandFile(create).addHelpText("after", HELP).action(createWorkflow);
  group
    .command("stop")
    .description("stop all its runs and keep their outputs")
    .argument("<id>", "number of the workflow")
    .action(stopWorkflow);
  group
    .command("kill")
    .description("end all its runs at once, saving nothing")
    .argument("<id>", "number of the workflow")
    .action(killWorkflow);
  group.addHelpText("after", () => `\nspell workflow [create]:\n\n${create.helpInformation()}${HELP}`);
}

async function createWorkflow(words: string[], options: WorkflowOptions): Promise<void> {
  const command = joinCommand(words);
  const environment = parseEnvironment(options.env ?? []);
  const labelled = findLabelledDirectories((options.repo ?? []).map(parseRepoOption), process.cwd());
  checkCodeOptions(options);
  if (options.githubUrl !== undefined && labelled.length > 0) {
    throw argumentError("--repo is for code that lies here: it does not go with --github-url.");
  }
  const { verbose = false, json = false } = options;
  using client = openClient();
  const reachable = client.account.whoAmI();
  // Awaited while the code is submitted.
  reachable.catch(() => undefined);
  const { force = false, commitRef, githubUrl, githubRef } = options;
  const submission = { client, labelled, commitRef, force, verbose, quiet: json, meanwhile: reachable };
  const sent = githubUrl === undefined ? await submitCode(submission) : await reachable.then(() => undefined);
  const { code, cwd, labels } = sent ?? {};
  const description = options.description ?? sent?.subject;
  const hints = hintsOf(options);
  const request = { command, environment, description, code, cwd, labels, githubUrl, githubRef, hints };
  const workflow = await client.workflows.create(request);
  const run = workflow.managingRun;
  if (json) {
    terminal.json({ id: workflow.id, labels: workflow.labels, managing_run: runToJson(run) });
  } else {
    terminal.say("cast", `Casting workflow #${workflow.id}…`);
    terminal.say("spark", `Following workflow at run ${run.id}.`);
  }
  if (options.background) {
    if (!json) terminal.line(`View logs with \`spell logs ${run.id}\``);
    return;
  }
  if (!json) terminal.say("spark", "Stop viewing logs with ^C");
  const whenDetached = [`Use 'spell logs ${run.id}' to view logs again`];
  await followLogs(run, { follow: true, verbose, json, whenDetached });
}

async function stopWorkflow(word: string): Promise<void> {
  const id = parseId(word);
  using client = openClient();
  await client.workflows.stop(id);
  terminal.line(`Stopping workflow ${id}.`);
}

async function killWorkflow(word: string): Promise<void> {
  const id = parseId(word);
  using client = openClient();
  await client.workflows.kill(id);
  terminal.line(`Killing workflow ${id}.`);
}
