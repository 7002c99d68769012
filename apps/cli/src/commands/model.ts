/** `spell model`: named results of runs, in versions. */
import type { Model, ModelVersion } from "@spell/sdk";
import type { Command } from "commander";
import { confirm } from "../confirm.ts";
import { EXIT_ERROR, UsageError, argumentError } from "../exit-codes.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing, formatTable, formatTime } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";
import { collect } from "../shared-options.ts";

interface CreateOptions {
  file?: string[];
  description?: string;
  json?: boolean;
}

/** Adds the command to the program. */
export function registerModel(program: Command): void {
  const model = program.command("model").description("Name results of runs, in versions.");
  model
    .command("create")
    .description("Make a version of a model from a resource.")
    .argument("<name[:version]>", "without a version: the next of v1, v2, …")
    .argument("<resource>", "runs/<id>[/path] or uploads/<name>[/path]")
    .option("-f, --file <PATH[:DESTINATION]>", "only this file or folder of it; may be repeated", collect)
    .option("-d, --description <TEXT>", "for people to read")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell model create char-rnn runs/12/save\n")
    .action(create);
  model
    .command("list")
    .description("List your models.")
    .option("--json", "print a JSON array")
    .addHelpText("after", "\nExample:\n  spell model list\n")
    .action(list);
  model
    .command("describe")
    .description("Describe a model or one of its versions.")
    .argument("<name[:version]>", "the model")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell model describe char-rnn:v1\n")
    .action(describe);
  model
    .command("rm")
    .description("Remove a version, or a model with all; what they were made of stays.")
    .argument("<name[:version]>", "the model")
    .option("-f, --force", "do not ask")
    .addHelpText("after", "\nExample:\n  spell model rm char-rnn:v1\n")
    .action(remove);
}

async function create(word: string, resource: string, options: CreateOptions): Promise<void> {
  const { name, version } = parseModel(word);
  const files = (options.file ?? []).map(parseFile);
  using client = openClient();
  const request = { name, version, resource, files, description: options.description };
  const made = await client.models.create(request);
  if (options.json) terminal.json(versionToJson(made.version));
  else terminal.line(`Successfully created model: ${made.model.name} ${made.version.version}`);
}

async function list(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const models = await client.models.list();
  if (options.json) terminal.json(models.map(modelToJson));
  else if (models.length === 0) terminal.line("There are no models.");
  else {
    const rows = models.map(({ name, owner, versions, createdAt }) => {
      return [name, versions.at(-1)?.version ?? "", formatAge(createdAt, new Date()), owner].map(oneLine);
    });
    terminal.write(formatListing(["NAME", "LATEST VERSION", "CREATED", "CREATOR"], rows));
  }
}

async function describe(word: string, options: { json?: boolean }): Promise<void> {
  const { name, version } = parseModel(word);
  using client = openClient();
  const model = await client.models.get(name);
  if (version !== undefined) {
    const found = model.versions.find((each) => each.version === version);
    if (found === undefined) throw new UsageError(EXIT_ERROR, `Model "${name}" has no version ${version}.`);
    if (options.json) terminal.json(versionToJson(found));
    else terminal.write(formatTable(describeVersion(model, found).map((row) => row.map(oneLine))));
  } else if (options.json) terminal.json(modelToJson(model));
  else {
    const rows = model.versions.map((each) => {
      return [each.version, each.resource, filesText(each), formatAge(each.createdAt, new Date()), model.owner].map(
        oneLine,
      );
    });
    terminal.write(formatListing(["VERSION", "RESOURCE", "FILES", "CREATED", "CREATOR"], rows));
  }
}

async function remove(word: string, options: { force?: boolean }): Promise<void> {
  const { name, version } = parseModel(word);
  const what = version === undefined ? `model ${name}` : `version ${version} of model ${name}`;
  if (!options.force && !(await confirm(`Are you sure you want to delete ${what}?`))) return;
  using client = openClient();
  await client.models.remove(name, version);
  terminal.line(`Successfully deleted model ${name}${version === undefined ? "" : ` version ${version}`}`);
}

function parseModel(word: string): { name: string; version?: string } {
  const [name = "", version, ...more] = word.split(":");
  if (name !== "" && version !== "" && more.length === 0) return { name, version };
  throw argumentError(`"${word}" cannot be understood: write NAME or NAME:VERSION.`);
}

function parseFile(text: string): { resourcePath: string; destinationPath: string } {
  const [resourcePath = "", destinationPath = "", ...more] = text.split(":");
  if (resourcePath !== "" && more.length === 0) return { resourcePath, destinationPath };
  throw argumentError(`--file "${text}" cannot be understood: write --file PATH[:DESTINATION].`);
}

function describeVersion(model: Model, version: ModelVersion): string[][] {
  const rows = [
    ["Model", model.name],
    ["Version", version.version],
    ["Creator", model.owner],
    ["Resource", version.resource],
    ["Created At", formatTime(version.createdAt)],
    ["Files", filesText(version)],
    ["Description", version.description],
  ];
  return rows.filter(([, value]) => value !== "");
}

function filesText({ files }: ModelVersion): string {
  return files
    .map(({ resourcePath, destinationPath }) =>
      destinationPath === "" ? resourcePath : `${resourcePath}:${destinationPath}`,
    )
    .join(", ");
}

function modelToJson({ name, owner, createdAt, versions }: Model): Record<string, unknown> {
  return { name, owner, created_at: createdAt.toISOString(), versions: versions.map(versionToJson) };
}

function versionToJson({ version, resource, files, description, createdAt }: ModelVersion): Record<string, unknown> {
  return {
    ...{ version, resource, description, created_at: createdAt.toISOString() },
    files: files.map((file) => ({ resource_path: file.resourcePath, destination_path: file.destinationPath || null })),
  };
}
