/** `spell repos`: the repositories that code was pushed from with git. */
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
Code sent with this command line is kept with its runs and makes no repository here; what is pushed with git does, as
the historical command line pushes it.

Example:
  spell repos --json
`;

/** Adds the command to the program. */
export function registerRepos(program: Command): void {
  const command = program
    .command("repos")
    .description("List the repositories that code was pushed from with git.")
    .option("--json", "print a JSON array");
  addCommandFile(command).addHelpText("after", HELP).action(repos);
}

async function repos(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const workspaces = await client.workspaces.list();
  if (options.json) {
    terminal.json(
      workspaces.map(({ id, name, rootCommit, description, owner, createdAtMs, updatedAtMs }) => ({
        ...{ id, name, root_commit: rootCommit, description, creator: owner },
        created_at: new Date(createdAtMs).toISOString(),
        updated_at: new Date(updatedAtMs).toISOString(),
      })),
    );
    return;
  }
  const now = new Date();
  const rows = workspaces.map(({ name, owner, createdAtMs, updatedAtMs }) => {
    const [created, updated] = [createdAtMs, updatedAtMs].map((atMs) => formatAge(new Date(atMs), now));
    return [oneLine(name), owner, created ?? "", updated ?? ""];
  });
  terminal.write(formatListing(["NAME", "CREATOR", "CREATED", "UPDATED"], rows));
}
