/** `spell project`: gathers runs. */
import type { SpellClient } from "@spell/sdk";
import type { Command } from "commander";
import { EXIT_ERROR, UsageError, usageError } from "../exit-codes.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatListing } from "../output/format.ts";
import { projectDescription, projectListing, projectToJson } from "../output/project-text.ts";
import { runListing } from "../output/run-listing.ts";
import { runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { projectNamed } from "../project-option.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

interface JsonOption {
  json?: boolean;
}

interface EditOptions extends JsonOption {
  name?: string;
  description?: string;
}

const HELP = `
Examples:
  spell project create -n speech -d "what we say"
  spell run -p speech python train.py
  spell project add-runs speech 12 13
`;

/** Adds the command to the program. */
export function registerProject(program: Command): void {
  const project = program.command("project").description("Gather runs in projects.").addHelpText("after", HELP);
  project
    .command("create")
    .description("Make a project.")
    .requiredOption("-n, --name <NAME>", "its name, which no other project of yours has in any letter case")
    .option("-d, --description <TEXT>", "for people to read")
    .option("-r, --run-id <ID>", "run to put into it; may be repeated", collectIds)
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell project create -n speech -r 12 -r 13\n")
    .action(create);
  project
    .command("get")
    .description("Describe a project and list its runs.")
    .argument("<name>", "its name")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell project get speech\n")
    .action(get);
  project
    .command("list")
    .description("List the projects in use.")
    .option("--archived", "list the archived ones instead")
    .option("--json", "print a JSON array")
    .addHelpText("after", "\nExample:\n  spell project list --archived\n")
    .action(list);
  project
    .command("edit")
    .description("Give a project another name or description.")
    .argument("<name>", "its name so far")
    .option("-n, --name <NAME>", "its name from now on")
    .option("-d, --description <TEXT>", "its description from now on")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell project edit speech -n voice\n")
    .action(edit);
  project
    .command("archive")
    .description("Take a project out of the list. Its runs stay in it.")
    .argument("<name>", "its name")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell project archive speech\n")
    .action(archive);
  project
    .command("unarchive")
    .description("Take an archived project back into the list.")
    .argument("<name>", "its name")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell project unarchive speech\n")
    .action(unarchive);
  for (const [verb, sentence] of [
    ["add", "Put runs into a project: all of them or none."],
    ["remove", "Take runs out of a project: all of them or none."],
  ] as const) {
    project
      .command(`${verb}-runs`)
      .description(sentence)
      .argument("<name>", "name of the project")
      .argument("<run-id...>", "numbers of runs")
      .option("--json", "print a JSON object")
      .addHelpText("after", `\nExample:\n  spell project ${verb}-runs speech 12 13\n`)
      .action((name: string, words: string[], options: JsonOption) => moveRuns(verb, name, words, options));
  }
}

async function create(options: EditOptions & { name: string; runId?: number[] }): Promise<void> {
  using client = openClient();
  const { name, description, runId: runIds } = options;
  const project = await client.projects.create({ name, description, runIds });
  if (options.json) terminal.json(projectToJson(project));
  else terminal.say("cast", `Created project '${oneLine(project.name)}'`);
}

async function get(name: string, options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const project = await projectNamed(client, name);
  const runs = (await client.runs.list({ projectId: project.id })).reverse();
  if (options.json) {
    terminal.json({ ...projectToJson(project), runs: runs.map(runToJson) });
    return;
  }
  terminal.write(projectDescription(project, new Date()));
  terminal.line(`\nCurrent ${oneLine(project.name)} Runs:`);
  const { emoji, colours } = terminal;
  const { headings, rows } = runListing(runs, { trunc: true, verbose: false, emoji, colours, now: new Date() });
  terminal.write(formatListing(headings, rows));
}

async function list(options: { archived?: boolean; json?: boolean }): Promise<void> {
  const { archived = false } = options;
  using client = openClient();
  const projects = await client.projects.list({ archived });
  if (options.json) {
    terminal.json(projects.map(projectToJson));
    return;
  }
  terminal.write(projectListing(projects, { archived, now: new Date() }));
}

async function edit(projectName: string, { name, description, json }: EditOptions): Promise<void> {
  if (name === undefined && description === undefined) {
    throw usageError("Please provide either a name or a description to change.");
  }
  using client = openClient();
  const { id } = await projectNamed(client, projectName);
  const project = await client.projects.edit(id, { name, description });
  if (json) terminal.json(projectToJson(project));
  else terminal.say("cast", "Successfully edited project");
}

async function archive(name: string, { json }: JsonOption): Promise<void> {
  using client = openClient();
  const { id } = await projectNamed(client, name);
  await client.projects.archive(id);
  if (json) terminal.json({ id, archived: true });
  else terminal.say("cast", `Successfully archived project ${oneLine(name)}`);
}

async function unarchive(name: string, { json }: JsonOption): Promise<void> {
  using client = openClient();
  const project = await client.projects.find(name, { archived: true });
  if (project === undefined) {
    const see = "Run `spell project list --archived` to see all currently archived projects";
    throw new UsageError(EXIT_ERROR, `Unknown project \`${name}\`. ${see}`);
  }
  await client.projects.unarchive(project.id);
  if (json) terminal.json({ id: project.id, archived: false });
  else terminal.say("cast", `Successfully unarchived project ${oneLine(name)}`);
}

async function moveRuns(
  verb: "add" | "remove",
  name: string,
  words: readonly string[],
  { json }: JsonOption,
): Promise<void> {
  const runIds = words.map(parseId);
  using client = openClient();
  const { id } = await projectNamed(client, name);
  await moved(client, verb, { id, runIds });
  if (json) {
    terminal.json({ id, [verb === "add" ? "added" : "removed"]: runIds });
    return;
  }
  const [done, where] = verb === "add" ? ["added", "to"] : ["removed", "from"];
  terminal.line(`Successfully ${done} runs ${runIds.join(", ")} ${where} project '${oneLine(name)}'!`);
}

function moved(client: SpellClient, verb: "add" | "remove", what: { id: number; runIds: number[] }): Promise<void> {
  const { id, runIds } = what;
  return verb === "add" ? client.projects.addRuns(id, runIds) : client.projects.removeRuns(id, runIds);
}

function collectIds(word: string, previous: number[] | undefined): number[] {
  return [...(previous ?? []), parseId(word)];
}
