/** `spell cp`: copies a resource to this machine. */
import type { Command } from "commander";
import { confirm } from "../confirm.ts";
import { usageError } from "../exit-codes.ts";
import { interruptible } from "../interruptible.ts";
import { oneLine } from "../output/clean-text.ts";
import { count } from "../output/format.ts";
import { Progress, showDownload } from "../output/progress.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface CpOptions {
  force?: boolean;
  ignore?: boolean;
  json?: boolean;
}

const HELP = `
Of a folder what lies in it is copied, of a file the file. Files that are there already are asked about on a terminal, and
replaced elsewhere. Examples:
  spell cp runs/12/save models/
  spell cp uploads/data/train.csv
`;

/** Adds the command to the program. */
export function registerCp(program: Command): void {
  program
    .command("cp")
    .description("Copy what a run wrote or what was uploaded to this machine.")
    .argument("<source>", "runs/<id>[/path], uploads/<name>[/path], or the alias of a link")
    .argument("[local-dir]", "folder to copy into", ".")
    .option("-f, --force", "replace files that are there already")
    .option("-i, --ignore", "keep files that are there already")
    .option("--json", "print a JSON object: how much was copied, and what was not")
    .addHelpText("after", HELP)
    .action(cp);
}

async function cp(source: string, directory: string, { force, ignore, json = false }: CpOptions): Promise<void> {
  if (force && ignore) throw usageError("--force and --ignore exclude each other: give one of them.");
  using client = openClient();
  const asks = terminal.isTty && process.stdin.isTTY && !force && !json;
  const mayReplace = ignore ? async () => false : asks ? askToReplace : undefined;
  using progress = new Progress({ silent: json });
  const options = { directory, mayReplace, onProgress: showDownload(progress) };
  const { fileCount, totalBytes, skipped } = await interruptible("nothing was copied", (signal) =>
    client.resources.copy(source, { ...options, signal }),
  );
  progress[Symbol.dispose]();
  if (json) {
    terminal.json({ files: fileCount, size: totalBytes, skipped });
    return;
  }
  for (const { path, why } of skipped) {
    if (!why.startsWith("it is there")) terminal.note("info", `Not copied: ${oneLine(path)} (${oneLine(why)}).`);
  }
  if (terminal.isTty) terminal.line(`${terminal.emoji ? "✔ " : ""}Copied ${count(fileCount, "file")}.`);
}

function askToReplace(path: string): Promise<boolean> {
  return confirm(`Replace ${oneLine(path)}?`);
}
