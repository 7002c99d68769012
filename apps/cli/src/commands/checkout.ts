/** `spell checkout`: the code that a run had, on this machine. */
import { join } from "node:path";
import type { Command } from "commander";
import { interruptible } from "../interruptible.ts";
import { oneLine } from "../output/clean-text.ts";
import { count } from "../output/format.ts";
import { Progress, showDownload } from "../output/progress.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

const HELP = `
What lay at /spell when the run began, code and labelled directories alike, with changes that no commit has. What the run wrote
is not part of it ("spell cp" brings that), nor is what it mounted. Files are never replaced: give a new or an empty folder.
Examples:
  spell checkout 12
  spell checkout 12 /tmp/as-it-was
`;

/** Adds the command to the program. */
export function registerCheckout(program: Command): void {
  program
    .command("checkout")
    .description("Get the code of a run, exactly as the run had it.")
    .argument("<run-id>", "number of the run")
    .argument("[dir]", "folder to make (default: run-<id>)")
    .option("--json", "print a JSON object")
    .addHelpText("after", HELP)
    .action(checkout);
}

async function checkout(word: string, folder: string | undefined, { json = false }: { json?: boolean }): Promise<void> {
  const id = parseId(word);
  const directory = folder ?? `run-${id}`;
  using client = openClient();
  const run = await client.runs.get(id);
  using progress = new Progress({ silent: json });
  const { fileCount, totalBytes, skipped } = await interruptible("nothing was checked out", (signal) =>
    run.checkOut({ directory, onProgress: showDownload(progress), signal }),
  );
  progress[Symbol.dispose]();
  for (const { path, why } of skipped) terminal.note("info", `Left out: ${oneLine(path)} (${oneLine(why)}).`);
  const root = join(directory, run.record.spec?.codeRoot ?? "");
  if (json) terminal.json({ run: id, path: root, files: fileCount, size: totalBytes });
  else terminal.line(`Checked out the code of run ${id} into ${root} (${count(fileCount, "file")}).`);
}
