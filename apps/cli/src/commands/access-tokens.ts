/** `spell access-tokens`: named tokens for scripts, which stand for their user until they are deleted. */
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatMoment, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
Examples:
  spell access-tokens create ci
  SPELL_TOKEN=TOKEN SPELL_OWNER=NAME python workflow.py
`;

/** Adds the command to the program. */
export function registerAccessTokens(program: Command): void {
  const tokens = program
    .command("access-tokens")
    .description("Create, list and delete access tokens, with which scripts act for you.")
    .addHelpText("after", HELP);
  const create = tokens
    .command("create")
    .description("Create an access token. It is shown once and never again.")
    .argument("<name>", "by which it is listed and deleted")
    .option("--json", "print a JSON object");
  addCommandFile(create).addHelpText("after", "\nExample:\n  spell access-tokens create ci\n").action(createToken);
  const list = tokens.command("list").description("List your access tokens.").option("--json", "print a JSON array");
  addCommandFile(list).addHelpText("after", "\nExample:\n  spell access-tokens list\n").action(listTokens);
  const remove = tokens
    .command("delete")
    .description("Delete an access token: it is refused from now on.")
    .argument("<name>", "its name")
    .option("--json", "print a JSON object: what was deleted");
  addCommandFile(remove).addHelpText("after", "\nExample:\n  spell access-tokens delete ci\n").action(deleteToken);
}

async function createToken(name: string, options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const { token, createdAt } = await client.users.createAccessToken(name);
  if (options.json) {
    terminal.json({ name, token, created_at: createdAt.toISOString() });
    return;
  }
  terminal.line(`New Access Token '${oneLine(name)}' created on ${formatMoment(createdAt, new Date())}`);
  terminal.line(`Token is: ${token}`);
  terminal.line("NOTE: this token is not recoverable, so save it somewhere safe.");
}

async function listTokens(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const tokens = await client.users.listAccessTokens();
  if (options.json) {
    terminal.json(
      tokens.map(({ name, createdAt, lastUsedAt }) => ({
        ...{ name, created_at: createdAt.toISOString(), last_used_at: lastUsedAt?.toISOString() ?? null },
      })),
    );
    return;
  }
  if (tokens.length === 0) {
    terminal.line("No access tokens found. Use `spell access-tokens create` to create one.");
    return;
  }
  const rows = tokens.map(({ name, createdAt, lastUsedAt }) => {
    return [
      oneLine(name),
      formatAge(createdAt, new Date()),
      lastUsedAt === undefined ? "<unused>" : formatAge(lastUsedAt, new Date()),
    ];
  });
  terminal.write(formatListing(["name", "created at", "last used at"], rows));
}

async function deleteToken(name: string, { json = false }: { json?: boolean }): Promise<void> {
  using client = openClient();
  await client.users.deleteAccessToken(name);
  if (json) terminal.json({ deleted: name });
  else terminal.line(`Access token '${oneLine(name)}' successfully deleted`);
}
