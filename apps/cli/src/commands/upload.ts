/** `spell upload`: stores a file or folder of this machine under a name. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { SpellError, checkResourceName } from "@spell/domain";
import { snapshotDirectory, snapshotEntries } from "@spell/spellfs";
import type { Snapshot } from "@spell/spellfs";
import type { Command } from "commander";
import { Option } from "commander";
import { openIndex, openJournal } from "../code/user-cache.ts";
import { askLine } from "../confirm.ts";
import { argumentError, usageError } from "../exit-codes.ts";
import { Progress, showReading, showUpload } from "../output/progress.ts";
import { shortSize } from "../output/resource-text.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface UploadOptions {
  name?: string;
  compress?: boolean;
  clusterName?: string;
  json?: boolean;
}

const HELP = `
Only bytes that the store lacks are sent; an upload that broke off goes on where it was when it is repeated. A file called
.spellignore leaves files out, by the rules of .gitignore. Examples:
  spell upload data/
  spell upload input.txt --name shakespeare
  spell run --mount uploads/shakespeare:data "python train.py"
`;

/** Adds the command to the program. */
export function registerUpload(program: Command): void {
  program
    .command("upload")
    .description("Upload a file or a folder, to be mounted as uploads/NAME.")
    .argument("<path>", "file or folder")
    .option("-n, --name <NAME>", "name of the upload (default: of the folder, or of the file's folder)")
    .option("-c, --compress", "changes nothing: only what is missing is sent")
    .addOption(new Option("--cluster-name <NAME>").hideHelp())
    .option("--json", "print a JSON object")
    .addHelpText("after", HELP)
    .action(upload);
}

async function upload(path: string, options: UploadOptions): Promise<void> {
  if (options.clusterName !== undefined)
    throw argumentError("--cluster-name: this Spell has no clusters. Leave it out.");
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw usageError(`"${path}" does not exist: give a file or a folder.`);
  const name = options.name ?? (await defaultName(path, stats.isDirectory()));
  checkResourceName("An upload", name);
  if (options.compress && !options.json)
    terminal.note("info", "--compress changes nothing: only what is missing is sent.");
  using client = openClient();
  // Meanwhile the folder is read.
  client.connect();
  using progress = new Progress({ silent: options.json === true });
  const snapshot = await takeSnapshot(path, { isDirectory: stats.isDirectory(), progress });
  if (snapshot.fileCount === 0) throw argumentError(`There is nothing to upload in "${path}".`);
  if (!options.json) terminal.line(`Total upload size: ${shortSize(snapshot.totalBytes)}`);
  const { upload: made, sent } = await client.uploads.create(name, snapshot, {
    onProgress: showUpload(progress),
    journal: openJournal(client.configuration.coordinator, realpathSync(path)),
  });
  progress[Symbol.dispose]();
  if (options.json) {
    const { fileCount, sizeBytes } = made;
    terminal.json({ name, path: `uploads/${name}`, files: fileCount, size: sizeBytes, sent_bytes: sent.uploadedBytes });
  } else terminal.line(`Upload of ${name} (${resolve(path)}) to 'uploads/${name}' complete.`);
}

/** A single file becomes a folder that holds it, so its folder's name is as good as any. */
async function defaultName(path: string, isDirectory: boolean): Promise<string> {
  if (isDirectory) return basename(resolve(path));
  const folder = basename(dirname(resolve(path)));
  return process.stdin.isTTY ? askLine("Name of the upload", folder) : folder;
}

async function takeSnapshot(
  path: string,
  { isDirectory, progress }: { isDirectory: boolean; progress: Progress },
): Promise<Snapshot> {
  if (isDirectory) {
    const index = openIndex(realpathSync(path));
    const snapshot = await snapshotDirectory({
      ...{ directory: path, gitAware: false, exclude: [".DS_Store"], index },
      onProgress: showReading(progress),
    });
    index.save();
    return snapshot;
  }
  const stats = statSync(path);
  const { size: sizeBytes } = stats;
  const executable = (stats.mode & 0o111) !== 0;
  if (!stats.isFile()) throw argumentError(`"${path}" is neither a file nor a folder: only these can be uploaded.`);
  // Of a link what it leads to, as of a folder.
  const [name, source] = [basename(resolve(path)), realpathSync(path)];
  const entry = { path: name, kind: "file", source, executable, sizeBytes } as const;
  const snapshot = await snapshotEntries({ entries: [entry] });
  const [skipped] = snapshot.skipped;
  if (skipped !== undefined) throw new SpellError("invalid-input", `"${path}" cannot be uploaded: ${skipped.why}.`);
  return snapshot;
}
