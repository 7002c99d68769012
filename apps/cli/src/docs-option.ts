/** `--docs`, which opened pages in the web: the help, and where the documents lie that came with the program. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { Option } from "commander";
import { terminal } from "./output/terminal.ts";

/** Adds it, hidden, to a command and to all below it. */
export function addDocs(command: Command): void {
  command.addOption(new Option("--docs").hideHelp()).on("option:docs", () => {
    // The same from the sources and from the bundle.
    const documents = fileURLToPath(new URL("../../../docs", import.meta.url));
    if (existsSync(documents)) terminal.line(`More stands in the documents of ${documents}.\n`);
    command.help();
  });
  command.commands.forEach(addDocs);
}
