/** `spell keys`: the user's public SSH keys. */
import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { messageOf } from "@spell/domain";
import type { Command } from "commander";
import { EXIT_ERROR, UsageError, argumentError, usageError } from "../exit-codes.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface AddOptions {
  file?: string;
  title?: string;
}

const HELP = `
Code travels without SSH, so no key is needed to run anything: they are kept for the former command line, which
registers one at each login. Examples:
  spell keys add -f ~/.ssh/id_ed25519.pub -t laptop
  spell keys rm laptop
`;

/** Adds the command to the program. */
export function registerKeys(program: Command): void {
  const keys = program
    .command("keys")
    .description("Register, list and remove public SSH keys.")
    .addHelpText("after", HELP);
  keys
    .command("add")
    .description("Register a public key.")
    .option("-f, --file <FILE>", "file of the public key (default: the one in ~/.ssh)")
    .option("-t, --title <TEXT>", "by which it is listed and removed (default: this machine's name)")
    .addHelpText("after", "\nExample:\n  spell keys add -f ~/.ssh/id_ed25519.pub -t laptop\n")
    .action(add);
  keys
    .command("list")
    .description("List your public keys.")
    .option("--json", "print a JSON array")
    .addHelpText("after", "\nExample:\n  spell keys list\n")
    .action(list);
  keys
    .command("rm")
    .description("Remove a public key.")
    .argument("<title>", "its title, or its fingerprint")
    .addHelpText("after", "\nExample:\n  spell keys rm laptop\n")
    .action(remove);
}

async function add(options: AddOptions): Promise<void> {
  const key = options.file === undefined ? ownKey() : readKey(options.file);
  using client = openClient();
  await client.users.addKey({ title: options.title ?? hostname(), key });
}

async function list(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const keys = await client.users.listKeys();
  if (options.json) {
    terminal.json(
      keys.map(({ id, title, fingerprint, createdAt }) => {
        return { id, title, fingerprint, created_at: createdAt.toISOString() };
      }),
    );
  } else if (keys.length === 0) {
    terminal.line("There were no keys found for you.");
  } else {
    const rows = keys.map(({ title, createdAt, fingerprint }) => [
      oneLine(title),
      formatAge(createdAt, new Date()),
      fingerprint,
    ]);
    terminal.write(formatListing(["TITLE", "ADDED", "FINGERPRINT"], rows));
  }
}

/** Titles need not be unique: of several keys with the same, none is removed by guessing. */
async function remove(word: string): Promise<void> {
  using client = openClient();
  const [key, ...more] = (await client.users.listKeys()).filter(({ title, fingerprint }) =>
    [title, fingerprint].includes(word),
  );
  if (key === undefined) throw new UsageError(EXIT_ERROR, `Key with title "${word}" not found.`);
  if (more.length > 0) {
    throw usageError(
      `${more.length + 1} keys have the title "${word}": give a fingerprint ("spell keys list" shows them).`,
    );
  }
  await client.users.deleteKey(key.id);
}

function ownKey(): string {
  const files = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"].map((name) => join(homedir(), ".ssh", name));
  for (const path of files) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // The next kind may be there.
    }
  }
  throw argumentError("There is no public key in ~/.ssh: name one with --file.");
}

function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw argumentError(`--file ${path} cannot be read: ${messageOf(error)}.`);
  }
}
