/** `spell ls`: what lies at a resource path. */
import type { ResourceLine } from "@spell/sdk";
import type { Command } from "commander";
import { resourceText } from "../output/resource-text.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface LsOptions {
  h?: boolean;
  json?: boolean;
}

const HELP = `
Without a path: the kinds of resources, and the links. Examples:
  spell ls runs/12/save
  spell ls -h uploads/data
`;

/** Adds the command to the program. */
export function registerLs(program: Command): void {
  program
    .command("ls")
    .helpOption("--help", "show this help")
    .description("List what runs wrote and what was uploaded.")
    .argument("[path]", "runs/<id>[/path], uploads/<name>[/path], or the alias of a link", "")
    .option("-h", "sizes for people: 1.5K, 11M")
    .option("--json", "print a JSON array")
    .addHelpText("after", HELP)
    .action(ls);
}

async function ls(path: string, options: LsOptions): Promise<void> {
  using client = openClient();
  const nowMs = Date.now();
  const found: ResourceLine[] = [];
  let count = 0;
  for await (const line of client.resources.list(path)) {
    count += 1;
    if (options.json) found.push(line);
    else await terminal.writeSlowly(`${resourceText(line, { human: options.h ?? false, nowMs })}\n`);
  }
  if (options.json) {
    terminal.json(
      found.map(({ name, sizeBytes, madeAt, linkTarget }) => {
        return {
          path: name,
          size: sizeBytes ?? null,
          date: madeAt?.toISOString() ?? null,
          link_target: linkTarget ?? null,
        };
      }),
    );
  } else if (count === 0) terminal.error(`No files for path ${path}`);
}
