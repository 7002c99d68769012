/** `spell workflow`: sends code and labelled directories, queues a master run, follows its logs. */
import type { LabelRequest, WorkflowRequest } from "@spell/sdk";
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { refuseWholeHome } from "../code/code-root.ts";
import { createWithCode } from "../code/create-with-code.ts";
import { parseGithubRepoOption } from "../code/github-repo-option.ts";
import { checkLabels, findLabelledDirectories, parseRepoOption } from "../code/repo-option.ts";
import type { LabelledDirectory } from "../code/repo-option.ts";
import { sendLabel } from "../code/send-label.ts";
import { submitCode } from "../code/submit-code.ts";
import { argumentError, exitWith } from "../exit-codes.ts";
import { runMaster } from "../local-workflow.ts";
import { addOldOptions, hintsOf } from "../old-options.ts";
import { followLogs } from "../output/follow-logs.ts";
import { runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";
import { addSharedOptions, checkCodeOptions, collect, joinCommand, parseEnvironment } from "../shared-options.ts";
import type { CommandOptions } from "../shared-options.ts";
import { registerWorkflowCommands } from "./workflows.ts";

interface WorkflowOptions extends CommandOptions {
  repo?: string[];
  githubRepo?: string[];
  local?: boolean;
}

const HELP = `
The command runs on a CPU machine as the workflow's master run; it launches worker runs with the Python or TypeScript
package, which need no login there. A worker created with a commit label gets the labelled directory of the master as it
is at that moment. Files are sent as they are now, uncommitted changes too; ignored files are not.

A label may also stand for the files of a commit (--repo LABEL=PATH:COMMIT) or of a git URL (--github-repo), settled when
the workflow is created. With --local the command runs here, as it would without Spell; what it launches joins the workflow,
and all its labels are settled at once. The exit code is the command's own then.

Examples:
  spell workflow --repo char-rnn=char-rnn-tensorflow/ "python workflow.py"
  spell workflow --local --github-repo lib=https://github.com/USER/lib:v1.2 "python workflow.py"
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
      "-r, --repo <LABEL=PATH[:COMMIT]>",
      "directory that worker runs get as code by this label; may be repeated",
      collect,
    )
    .option("--github-repo <LABEL=URL[:REF]>", "code from a git URL by this label; may be repeated", collect)
    .option("--local", "run the command on this machine instead of the farm");
  addSharedOptions(create);
  addOldOptions(create, "workflow");
  addCommandFile(create).addHelpText("after", HELP).action(createWorkflow);
  registerWorkflowCommands(group);
  group.addHelpText("after", () => `\nspell workflow [create]:\n\n${create.helpInformation()}${HELP}`);
}

async function createWorkflow(words: string[], options: WorkflowOptions): Promise<void> {
  const command = joinCommand(words);
  const environment = parseEnvironment(options.env ?? []);
  const directories = findLabelledDirectories((options.repo ?? []).map(parseRepoOption), process.cwd());
  const fetched = (options.githubRepo ?? []).map(parseGithubRepoOption);
  checkLabels([...directories, ...fetched].map(({ label }) => label));
  checkCodeOptions(options);
  // Those that are no part of the master's code.
  const isSettled = ({ ref }: LabelledDirectory): boolean => ref !== undefined || options.local === true;
  const labelled = directories.filter((directory) => !isSettled(directory));
  if (options.githubUrl !== undefined && labelled.length > 0) {
    throw argumentError(
      "--repo is for code that lies here: with --github-url, name a commit (--repo LABEL=PATH:COMMIT).",
    );
  }
  if (options.local) checkLocal(options);
  const { verbose = false, json = false } = options;
  using client = openClient();
  const reachable = client.account.whoAmI();
  // Awaited while the code is submitted.
  reachable.catch(() => undefined);
  const settled = async (): Promise<LabelRequest[]> => {
    const sent: LabelRequest[] = [...fetched];
    for (const directory of directories.filter(isSettled)) {
      const typed = directory.ref === undefined ? directory.typedPath : `${directory.typedPath}:${directory.ref}`;
      if (!json) terminal.say("spark", `Syncing repo ${typed}.`);
      if (options.force !== true) refuseWholeHome(directory.path);
      sent.push({ label: directory.label, code: await sendLabel(client, directory) });
    }
    return sent;
  };
  if (options.local) {
    await reachable;
    const { id, labels } = await createWithCode(settled, (sent) => client.workflows.createLocal({ labels: sent }));
    if (json) terminal.json({ id, labels, managing_run: null });
    else terminal.say("cast", `Casting workflow #${id}…`);
    await terminal.flush();
    exitWith(await runMaster(command, { workflowId: id, environment }));
    return;
  }
  const { force = false, commitRef, githubUrl, githubRef } = options;
  const submission = { client, labelled, commitRef, force, verbose, quiet: json, meanwhile: reachable };
  const send = async (): Promise<WorkflowRequest> => {
    const sent = githubUrl === undefined ? await submitCode(submission) : await reachable.then(() => undefined);
    const { code, cwd } = sent ?? {};
    const labels = [...(sent?.labels ?? []), ...(await settled())];
    const description = options.description ?? sent?.subject;
    return { command, environment, description, code, cwd, labels, githubUrl, githubRef, hints: hintsOf(options) };
  };
  const workflow = await createWithCode(send, (request) => client.workflows.create(request));
  const run = workflow.managingRun;
  if (json) {
    terminal.json({ id: workflow.id, labels: workflow.labels, managing_run: runToJson(run) });
  } else {
    terminal.say("cast", `Casting workflow #${workflow.id}…`);
    if (!options.background) terminal.say("spark", `Following workflow at run ${run.id}.`);
  }
  if (options.background) {
    if (!json) terminal.line(`View logs with \`spell logs ${run.id}\``);
    return;
  }
  if (!json) terminal.say("spark", "Stop viewing logs with ^C");
  const whenDetached = [`Use 'spell logs ${run.id}' to view logs again`];
  await followLogs(run, { follow: true, verbose, json, whenDetached });
}

/** What says something of a master run goes with none. Throws exit code 3. Pure. */
function checkLocal(options: WorkflowOptions): void {
  const { background, commitRef, githubUrl, description } = options;
  const given = { background, "commit-ref": commitRef, "github-url": githubUrl, description };
  const [flag] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (flag !== undefined) throw argumentError(`--${flag} is for a master run: it does not go with --local.`);
}
