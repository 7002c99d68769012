/** `spell keys`: the user's public SSH keys. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import type { PublicKey } from "@spell/sdk";
import type { Command } from "commander";
import { Questions } from "../ask.ts";
import { EXIT_ERROR, UsageError, usageError } from "../exit-codes.ts";
import { generateKey, keyFile, ownKey, readKey } from "../key-files.ts";
import { oneLine } from "../output/clean-text.ts";
import { formatAge, formatListing } from "../output/format.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface AddOptions {
  file?: string;
  title?: string;
  json?: boolean;
}

interface GenerateOptions {
  title?: string;
  force?: boolean;
  json?: boolean;
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
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell keys add -f ~/.ssh/id_ed25519.pub -t laptop\n")
    .action(add);
  keys
    .command("generate")
    .description(`Make a pair of keys: the private one lies in ${keyFile()}, the public one is registered.`)
    .option("-t, --title <TEXT>", "by which it is listed and removed (default: this machine's name)")
    .option("-f, --force", "replace a private key that lies there, without a question")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell keys generate -t laptop\n")
    .action(generate);
  keys
    .command("list")
    .description("List your public keys.")
    .option("--json", "print a JSON array")
    .addHelpText("after", "\nExample:\n  spell keys list\n")
    .action(list);
  keys
    .command("rm")
    .description("Remove a public key.")
    .argument("[title]", "its title, or its fingerprint; without, they are listed to choose from")
    .option("--json", "print a JSON object: the key that was removed")
    .addHelpText("after", "\nExample:\n  spell keys rm laptop\n")
    .action(remove);
}

async function add(options: AddOptions): Promise<void> {
  const key = options.file === undefined ? ownKey() : readKey(options.file);
  using client = openClient();
  const added = await client.users.addKey({ title: options.title ?? hostname(), key });
  if (options.json) terminal.json(keyToJson(added));
}

async function generate({ title = `${hostname()} Spell CLI`, force = false, json }: GenerateOptions): Promise<void> {
  const path = keyFile();
  // Asked first whether anybody is logged in: the old key is not given up for nothing.
  using client = openClient();
  await client.users.listKeys();
  if (!force && existsSync(path) && !(await mayReplace(path))) {
    throw new UsageError(EXIT_ERROR, `Nothing was changed: ${path} is there already. Replace it with --force.`);
  }
  const added = await client.users.addKey({ title, key: generateKey(path) });
  if (json) terminal.json({ ...keyToJson(added), file: path });
}

async function mayReplace(path: string): Promise<boolean> {
  using questions = new Questions();
  return await questions.confirm(`Replace the key in ${path}?`);
}

async function list(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const keys = await client.users.listKeys();
  if (options.json) terminal.json(keys.map(keyToJson));
  else if (keys.length === 0) terminal.line("There were no keys found for you.");
  else terminal.write(keyListing(keys));
}

/** Titles need not be unique: of several keys with the same, none is removed by guessing. */
async function remove(word: string | undefined, options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const keys = await client.users.listKeys();
  const key = word === undefined ? await chosenOf(keys) : keyNamed(keys, word);
  await client.users.deleteKey(key.id);
  if (options.json) terminal.json(keyToJson(key));
}

function keyNamed(keys: readonly PublicKey[], word: string): PublicKey {
  const [key, ...more] = keys.filter(({ title, fingerprint }) => [title, fingerprint].includes(word));
  if (key === undefined) throw new UsageError(EXIT_ERROR, `Key with title "${word}" not found.`);
  if (more.length === 0) return key;
  throw usageError(
    `${more.length + 1} keys have the title "${word}": give a fingerprint ("spell keys list" shows them).`,
  );
}

async function chosenOf(keys: readonly PublicKey[]): Promise<PublicKey> {
  if (keys.length === 0) throw new UsageError(EXIT_ERROR, "There are no keys to remove.");
  terminal.writeError(keyListing(keys, { numbered: true }));
  using questions = new Questions();
  const answer = await questions.line("Number of the key to remove");
  const key = /^[0-9]{1,6}$/.test(answer) ? keys[Number(answer)] : undefined;
  if (key === undefined) throw new UsageError(EXIT_ERROR, "That is none of the numbers: nothing was removed.");
  return key;
}

function keyListing(keys: readonly PublicKey[], { numbered = false } = {}): string {
  const now = new Date();
  const rows = keys.map(({ title, createdAt, fingerprint }, at) => {
    const cells = [oneLine(title), formatAge(createdAt, now), fingerprint];
    return numbered ? [String(at), ...cells] : cells;
  });
  const headings = ["TITLE", "ADDED", "FINGERPRINT"];
  return formatListing(numbered ? ["NUM", ...headings] : headings, rows);
}

function keyToJson({ id, title, fingerprint, createdAt }: PublicKey): Record<string, unknown> {
  return { id, title, fingerprint, created_at: createdAt.toISOString() };
}
