/** `spell admin`: the coordinator's record, backed up, checked and restored. */
import { createWriteStream } from "node:fs";
import { access, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { conflict, invalidInput, messageOf } from "@spell/domain";
import type { CheckedRule } from "@spell/sdk";
import type { Command } from "commander";
import { EXIT_ERROR, exitWith } from "../exit-codes.ts";
import { oneLine } from "../output/clean-text.ts";
import { count, formatSize } from "../output/format.ts";
import { StatusLine } from "../output/status-line.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";
import { runApp } from "../up/run-app.ts";

const BACKUP_HELP = `
The file holds the record alone: runs, users, where bytes lie. The bytes of code and outputs are in the object store, which has its own
copies. Work goes on meanwhile; the file is what the record was at one moment. For the operator of a farm. Example:
  spell admin backup spell-$(date +%F).backup
`;

const RESTORE_HELP = `
For a coordinator that is not running, given its options: where its data lies, and its database if it has one. A record that holds anything
already is refused, unless --replace is given: then it is kept beside, under another name. A backup of a SQLite record may be
restored into PostgreSQL and the other way round. Examples:
  spell admin restore spell.backup --data ~/.spell/data
  spell admin restore spell.backup --database postgres://spell@db/spell
`;

const CHECK_HELP = `
Each rule that should always hold is looked at in the record; the exit code is 1 when one does not. Whether the bytes are there that the
record names, \`spell fsck\` tells. For the operator of a farm. Example:
  spell admin check
`;

/** Adds the commands to the program. */
export function registerAdmin(program: Command): void {
  const admin = program.command("admin").description("Back up, check and restore the coordinator's record.");
  admin
    .command("backup <file>")
    .description("Write all that the record holds into a file.")
    .option("--force", "replace the file if it is there")
    .addHelpText("after", BACKUP_HELP)
    .action(backup);
  admin
    .command("check")
    .description("Check that what should always hold of the record does.")
    .option("--json", "print a JSON object")
    .addHelpText("after", CHECK_HELP)
    .action(check);
  admin
    .command("restore")
    .description("Make the record of a coordinator that is not running from a backup.")
    .argument("<file>")
    .argument("[options...]", "options of the coordinator, and --replace")
    .allowUnknownOption()
    .addHelpText("after", RESTORE_HELP)
    .action(async (file: string, words: string[]) => {
      await runApp("coordinator", ["--restore", resolve(file), ...words], {});
    });
}

async function backup(file: string, { force }: { force?: boolean }): Promise<void> {
  if (!force && (await exists(file))) {
    throw conflict(`${file} is there already: choose another name, or replace it with --force.`, "file-exists");
  }
  using client = openClient();
  using status = new StatusLine(true);
  const unfinished = `${file}.unfinished`;
  let bytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of client.admin.backup()) {
      bytes += chunk.byteLength;
      status.show(`Backing up: ${formatSize(bytes)}`);
      yield chunk;
    }
  };
  try {
    // Tokens' hashes and whole environments are in it.
    await pipeline(counted(), createWriteStream(unfinished, { mode: 0o600, flush: true }));
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw invalidInput(`Cannot write the backup: ${messageOf(error)}. Give a file that can be written.`, "unwritable");
  }
  status.clear();
  terminal.write(`The record is in ${file} (${formatSize(bytes)}).\n`);
}

async function check({ json }: { json?: boolean }): Promise<void> {
  using client = openClient();
  const rules: CheckedRule[] = [];
  for await (const rule of client.admin.check()) {
    rules.push(rule);
    if (!json && rule.broken > 0) await terminal.writeSlowly(brokenText(rule));
  }
  const broken = rules.filter((rule) => rule.broken > 0).length;
  if (broken > 0) exitWith(EXIT_ERROR);
  if (json) terminal.json({ rules: rules.map(toJson) });
  else terminal.write(`${count(rules.length, "rule")} checked: ${broken === 0 ? "all hold" : `${broken} broken`}.\n`);
}

function brokenText({ rule, sentence, brokenBy, broken }: CheckedRule): string {
  const more = broken > brokenBy.length ? ` and ${broken - brokenBy.length} more` : "";
  return `${oneLine(`Broken: ${sentence} (${rule}): ${brokenBy.join(", ")}${more}`)}\n`;
}

function toJson({ rule, sentence, brokenBy, broken }: CheckedRule): Record<string, unknown> {
  return { rule, sentence, broken, broken_by: brokenBy };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
