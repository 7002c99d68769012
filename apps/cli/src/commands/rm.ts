/** `spell rm`: removes uploads. */
import type { Command } from "commander";
import { EXIT_ERROR, UsageError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
Runs that mount an upload keep what they have. Runs are hidden with spell archive. Example:
  spell rm uploads/data
`;

/** Adds the command to the program. */
export function registerRm(program: Command): void {
  program
    .command("rm")
    .description("Remove uploads.")
    .argument("<resources...>", "uploads/NAME, one or more")
    .option("--json", "print a JSON object: what was removed")
    .addHelpText("after", HELP)
    .action(rm);
}

async function rm(resources: readonly string[], { json = false }: { json?: boolean }): Promise<void> {
  // All of them are looked at before the first is removed.
  const names = resources.map(uploadName);
  using client = openClient();
  for (const name of names) await client.uploads.remove(name);
  if (json) terminal.json({ removed: names.map((name) => `uploads/${name}`) });
}

function uploadName(resource: string): string {
  const name = /^uploads\/([^/]+)\/*$/.exec(resource)?.[1];
  if (name !== undefined) return name;
  const hint = resource.includes("/") ? "" : ` "spell unlink ${resource}" removes a link.`;
  const message = `"${resource}" cannot be removed: only whole uploads can, written uploads/NAME.${hint}`;
  throw new UsageError(EXIT_ERROR, message);
}
