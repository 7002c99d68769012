/** `spell model`: named results of runs, in versions. */
import type { Model, ModelVersion } from "@spell/sdk";
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { confirm } from "../confirm.ts";
import { EXIT_ERROR, UsageError, argumentError } from "../exit-codes.ts";
import { interruptible } from "../interruptible.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing, formatTable } from "../output/format.ts";
import { describeVersion, filesText, modelToJson, versionToJson } from "../output/model-text.ts";
import { Progress, showDownload } from "../output/progress.ts";
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
  const model = program.command("model").description("Name results of runs, in versions.").helpCommand(false);
  const add = (name: string, sentence: string): Command => model.command(name).description(sentence);
  finish(
    add("create", "Make a version of a model from a resource.")
      .argument("<name[:version]>", "without a version: the next of v1, v2, …")
      .argument("<resource>", "runs/<id>[/path] or uploads/<name>[/path]")
      .option("-f, --file <PATH[:DESTINATION]>", "only this file or folder of it; may be repeated", collect)
      .option("-d, --description <TEXT>", "for people to read")
      .option("--json", "print a JSON object"),
    "spell model create char-rnn runs/12/save",
  ).action(create);
  finish(add("list", "List your models.").option("--json", "print a JSON array"), "spell model list").action(list);
  finish(
    add("describe", "Describe a model or one of its versions.")
      .argument("<name[:version]>", "the model")
      .option("--json", "print a JSON object"),
    "spell model describe char-rnn:v1",
  ).action(describe);
  finish(
    add("download", "Copy a version's files to this machine, each under its own name.")
      .argument("<name:version>", "the version")
      .option("-d, --dest <FOLDER>", "where to", ".")
      .option("--json", "print a JSON object: how much was copied, and what was not"),
    "spell model download char-rnn:v1 -d save",
  ).action(download);
  finish(
    add("update-description", "Say something else about a version.")
      .argument("<name:version>", "the version")
      .argument("<description>", "for people to read; quote it")
      .option("--json", "print a JSON object"),
    'spell model update-description char-rnn:v1 "trained for longer"',
  ).action(updateDescription);
  finish(
    add("rm", "Remove a version, or a model with all; what they were made of stays.")
      .argument("<name[:version]>", "the model")
      .option("-f, --force", "do not ask")
      .option("--json", "print a JSON object: what was removed"),
    "spell model rm char-rnn:v1",
  ).action(remove);
}

/** What every sub-command has. Called when all its options are there. */
function finish(command: Command, example: string): Command {
  return addCommandFile(command).addHelpText("after", `\nExample:\n  ${example}\n`);
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
    const found = versionOf(model, version);
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

async function download(word: string, { dest, json = false }: { dest: string; json?: boolean }): Promise<void> {
  const { name, version } = parseVersion(word);
  using client = openClient();
  const { resource, files } = versionOf(await client.models.get(name), version);
  const copied = { files: 0, size: 0, skipped: [] as { path: string; why: string }[] };
  if (!json) terminal.line("Downloading model. This may take some time...");
  using progress = new Progress({ silent: json });
  await interruptible("the rest was not downloaded", async (signal) => {
    for (const { resourcePath } of files) {
      const options = { directory: dest, onProgress: showDownload(progress), signal };
      const done = await client.resources.copy(joinPath(resource, resourcePath), options);
      copied.files += done.fileCount;
      copied.size += done.totalBytes;
      copied.skipped.push(...done.skipped);
    }
  });
  progress[Symbol.dispose]();
  if (json) {
    terminal.json(copied);
    return;
  }
  for (const { path, why } of copied.skipped) {
    terminal.note("info", `Not copied: ${oneLine(path)} (${oneLine(why)}).`);
  }
  terminal.line("Done!");
}

async function updateDescription(word: string, description: string, options: { json?: boolean }): Promise<void> {
  const { name, version } = parseVersion(word);
  using client = openClient();
  const described = await client.models.describe({ name, version }, description);
  if (options.json) terminal.json(versionToJson(described));
  else terminal.line(`Successfully updated model: ${name}:${described.version}`);
}

async function remove(word: string, options: { force?: boolean; json?: boolean }): Promise<void> {
  const { name, version } = parseModel(word);
  const question =
    version === undefined
      ? `You didn't specify a version. This will delete all versions of model ${name}. Are you sure you want to proceed?`
      : `Are you sure you want to delete version ${version} of model ${name}?`;
  if (!options.force && !(await confirm(question))) return;
  using client = openClient();
  await client.models.remove(name, version);
  const removed = version === undefined ? `all versions of model ${name}` : `model ${name} version ${version}`;
  if (options.json) terminal.json({ name, version: version ?? null });
  else terminal.line(`Successfully deleted ${removed}`);
}

function parseVersion(word: string): { name: string; version: string } {
  const { name, version } = parseModel(word);
  if (version === undefined) throw new UsageError(EXIT_ERROR, `Say which version of "${name}": write ${name}:VERSION.`);
  return { name, version };
}

function versionOf(model: Model, version: string): ModelVersion {
  const found = model.versions.find((each) => each.version === version);
  if (found !== undefined) return found;
  const known = model.versions.map((each) => each.version).join(", ");
  throw new UsageError(EXIT_ERROR, `Model "${model.name}" has no version ${version} (it has ${known}).`);
}

/** `.` is all of the resource. */
function joinPath(resource: string, path: string): string {
  return path === "." || path === "" ? resource : `${resource.replace(/\/+$/, "")}/${path}`;
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
