/** `spell login`: checks a token with its coordinator and keeps both. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import {
  DEFAULT_COORDINATOR,
  SpellClient,
  configurationPath,
  parseAddress,
  readConfigurationFile,
  writeConfigurationFile,
} from "@spell/sdk";
import type { Command } from "commander";
import { argumentError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";
import { environment } from "../config.ts";

interface LoginOptions {
  coordinator?: string;
  token?: string;
  apiUrl?: string;
}

/** Adds the command to the program. */
export function registerLogin(program: Command): void {
  program
    .command("login")
    .description("Use a coordinator with a token; both are kept in ~/.spell/config, which only you can read.")
    .option("--coordinator <HOST:PORT>", `its gRPC address (default: as before, else ${DEFAULT_COORDINATOR})`)
    .option("--token <TOKEN>", "asked for, or read from standard input, when left out")
    .option("--api-url <URL>", "its HTTP address (default: the same host, one port higher)")
    .action(login);
}

async function login(options: LoginOptions): Promise<void> {
  const path = configurationPath(environment);
  const before = readableBefore(path);
  const coordinator = parseAddress(options.coordinator ?? before.coordinator ?? DEFAULT_COORDINATOR);
  const token = (options.token ?? (await askToken())).trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw argumentError("That is no token: a token is one word. Nothing was changed.");
  const apiUrl = options.apiUrl ?? (coordinator === before.coordinator ? before.api_url : undefined);
  using client = new SpellClient({ token, coordinator }, { connectForMs: 3_000 });
  const { userName, email } = await client.account.whoAmI();
  writeConfigurationFile(path, {
    token,
    coordinator,
    owner: userName,
    user_name: userName,
    email,
    api_url: apiUrl ?? httpAddress(coordinator),
  });
  terminal.line(`Hello, ${userName}!`);
}

/** A file that cannot be understood is what logging in repairs. */
function readableBefore(path: string): ReturnType<typeof readConfigurationFile> {
  try {
    return readConfigurationFile(path);
  } catch {
    return {};
  }
}

/** HTTP is served one port above gRPC unless somebody chose otherwise. */
function httpAddress(coordinator: string): string {
  const end = coordinator.lastIndexOf(":");
  return `http://${coordinator.slice(0, end)}:${Number(coordinator.slice(end + 1)) + 1}`;
}

/** Reads a line, not shown on a terminal. */
async function askToken(): Promise<string> {
  const hidden = process.stdin.isTTY === true;
  if (hidden) terminal.writeError("Token: ");
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: hidden });
  try {
    for await (const line of reader) return line;
    return "";
  } finally {
    reader.close();
    if (hidden) terminal.writeError("\n");
  }
}
