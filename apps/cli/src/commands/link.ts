/** `spell link`: short names for resource paths. */
import type { Link } from "@spell/sdk";
import type { Command } from "commander";
import { argumentError } from "../exit-codes.ts";
import { oneLine } from "../output/clean-text.ts";
import { shortTime } from "../output/resource-text.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
Without arguments all links are listed, with an alias that one. Examples:
  spell link best runs/12/save
  spell run --mount best:model "python sample.py"
`;

const NO_LINKS = `No symlinks found!
Use the command 'spell link [ALIAS] [RESOURCE_PATH]' to create a symlink to a resource.`;

/** Adds the command to the program. */
export function registerLink(program: Command): void {
  program
    .command("link")
    .description("Give a resource a short name, which can be used in its place.")
    .argument("[alias]", 'the name; none of / . " \\ [ ] : ; | = , may be in it')
    .argument("[path]", "runs/<id>[/path] or uploads/<name>[/path]")
    .option("--json", "print a JSON array")
    .addHelpText("after", HELP)
    .action(link);
}

async function link(alias: string | undefined, path: string | undefined, { json }: { json?: boolean }): Promise<void> {
  if (alias?.includes("/") && path !== undefined && !path.includes("/")) {
    throw argumentError(`The alias comes first: spell link ${oneLine(path)} ${oneLine(alias)}`);
  }
  using client = openClient();
  if (alias !== undefined && path !== undefined) {
    const made = await client.links.create(alias, path);
    if (!json) terminal.line("Successfully created symlink:");
    show([made], json);
    return;
  }
  const links = await client.links.list();
  const found = alias === undefined ? links : links.filter((each) => each.alias === alias);
  if (found.length === 0 && !json) {
    terminal.line(alias === undefined ? NO_LINKS : `No links with alias ${oneLine(alias)} found.`);
  }
  show(found, json);
}

function show(links: readonly Link[], json: boolean | undefined): void {
  if (json) {
    terminal.json(
      links.map(({ alias, resourcePath, createdAt }) => {
        return { alias, resource_path: resourcePath, created_at: createdAt.toISOString() };
      }),
    );
    return;
  }
  const nowMs = Date.now();
  for (const { alias, resourcePath, createdAt } of links) {
    const target = oneLine(resourcePath).padEnd(12);
    terminal.line(`${oneLine(alias)} → ${target} ${shortTime(createdAt, nowMs).padEnd(14)}`);
  }
}
