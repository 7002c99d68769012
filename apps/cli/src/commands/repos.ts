/** `spell repos`: the git repositories that code was taken from. */
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
A repository is known by its first commit, wherever it is cloned.

Example:
  spell repos --json
`;

/** Adds the command to the program. */
export function registerRepos(program: Command): void {
  const command = program
    .command("repos")
    .description("List the git repositories that code was taken from.")
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
  const sorted = [...workspaces].sort((one, other) => (one.name < other.name ? -1 : 1));
  const rows = sorted.map(({ name, owner, createdAtMs, updatedAtMs }) => {
    const [created, updated] = [createdAtMs, updatedAtMs].map((atMs) => formatAge(new Date(atMs), now));
    return [oneLine(name), owner, created ?? "", updated ?? ""];
  });
  terminal.write(formatListing(["NAME", "CREATOR", "CREATED", "UPDATED"], rows));
}
