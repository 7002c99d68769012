/**
 * Options that may stand before the command's name. Old scripts give some of them, so they are understood, but only
 * `--help` and `--version` are shown.
 */
import type { Command } from "commander";
import { Option } from "commander";
import { setVariable } from "./config.ts";
import { argumentError } from "./exit-codes.ts";

interface GlobalOptions {
  apiUrl?: string;
  apiVersion?: string;
  spellDir?: string;
  webUrl?: string;
  verbose?: boolean;
  debug?: boolean;
}

/** Those that take a value, which is not the name of a command. */
const WITH_VALUE = ["--api-url", "--api-version", "--spell-dir", "--web-url"];

/** Adds them to the program; they take effect before the command's action. */
export function addGlobalOptions(program: Command): Command {
  for (const name of WITH_VALUE) program.addOption(new Option(`${name} <VALUE>`).hideHelp());
  for (const name of ["--verbose", "--debug"]) program.addOption(new Option(name).hideHelp());
  return program.hook("preAction", (each) => applyGlobalOptions(each.opts<GlobalOptions>()));
}

/** Where among the words the command's name is; -1 without one. Pure. */
export function commandPosition(args: readonly string[]): number {
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? "";
    if (WITH_VALUE.includes(word)) at += 1;
    else if (!word.startsWith("-")) return at;
  }
  return -1;
}

/** Whether an error is to be told with the place in the program that it comes from. Pure. */
export function asksForStack(args: readonly string[]): boolean {
  const end = commandPosition(args);
  return args.slice(0, end === -1 ? args.length : end).some((word) => word === "--debug" || word === "--verbose");
}

async function applyGlobalOptions({ apiUrl, apiVersion, spellDir, webUrl }: GlobalOptions): Promise<void> {
  if (apiVersion !== undefined && apiVersion !== "v1") {
    throw argumentError(`--api-version ${apiVersion}: there is only version v1. Leave the option out.`);
  }
  if (webUrl !== undefined) {
    throw argumentError("--web-url: logging in by a web page is not offered. See `spell login --help`.");
  }
  if (spellDir !== undefined) setVariable("SPELL_DIR", spellDir);
  if (apiUrl === undefined) return;
  // Help and completion need nothing of the SDK: it is loaded by what does.
  const { coordinatorBeside } = await import("@spell/sdk");
  setVariable("SPELL_COORDINATOR", apiUrl.split(",").map(coordinatorBeside).join(","));
}
