/** `spell login`: opens a session with a password, or takes a token, and keeps it with the coordinator's address. */
import {
  DEFAULT_COORDINATOR,
  SpellClient,
  configurationPath,
  coordinatorOf,
  parseAddresses,
  readConfigurationFile,
  writeConfigurationFile,
} from "@spell/sdk";
import type { ConfigurationFile } from "@spell/sdk";
import type { Command } from "commander";
import { httpAddresses } from "../api-url.ts";
import { Questions } from "../ask.ts";
import { argumentError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";
import { environment } from "../config.ts";

interface LoginOptions {
  coordinator?: string;
  identity?: string;
  password?: string;
  token?: string;
  apiUrl?: string;
  json?: boolean;
}

const HELP = `
Examples:
  spell login --coordinator gpu-box:7800 --identity ann
  spell login --token "$(cat token)"
`;

/** Adds the command to the program. */
export function registerLogin(program: Command): void {
  program
    .command("login")
    .description(
      "Log in with a password or a token; what is needed later is kept in ~/.spell/config, for you to read alone.",
    )
    .option(
      "--coordinator <HOST:PORT>",
      `its gRPC address; of several coordinators all, with commas between (default: as before, else ${DEFAULT_COORDINATOR})`,
    )
    .option("--identity <NAME>", "user name or e-mail: log in with a password")
    .option("--password <PASSWORD>", "asked for, or read from standard input, when left out")
    .option("--token <TOKEN>", "log in with a token; read from standard input without --identity")
    .option("--api-url <URL>", "its HTTP address (default: the same host, one port higher)")
    .option("--json", "print a JSON object: who is logged in, and where")
    .addHelpText("after", HELP)
    .action(login);
}

async function login(given: LoginOptions): Promise<void> {
  using questions = new Questions();
  const options = await withIdentity(given, questions);
  if (options.identity !== undefined && options.token !== undefined) {
    throw argumentError("Give either --identity or --token, not both.");
  }
  if (options.identity === undefined && options.password !== undefined) {
    throw argumentError("--password: whose? Give --identity with it.");
  }
  const path = configurationPath(environment);
  const before = readableBefore(path);
  const coordinator = parseAddresses(options.coordinator ?? coordinatorOf(environment, before)).join(",");
  const apiUrl = options.apiUrl ?? (coordinator === before.coordinator ? before.api_url : undefined);
  const { identity } = options;
  const token =
    identity === undefined
      ? await tokenOf(options, questions)
      : await openSession({ ...options, identity, coordinator }, questions);
  using client = new SpellClient({ token, coordinator }, { connectForMs: 3_000 });
  const { userName, email } = await client.account.whoAmI();
  writeConfigurationFile(path, {
    token,
    coordinator,
    owner: userName,
    user_name: userName,
    email,
    api_url: apiUrl ?? httpAddresses(coordinator),
  });
  if (before.token !== undefined && before.token !== token) await endSession({ ...before, coordinator }, before);
  if (options.json) terminal.json({ user_name: userName, email, coordinator });
  else terminal.line(`Hello, ${userName}!`);
}

/**
 * Where nothing says how to log in, a person is asked who they are: there is no page in the web to do it with. From a pipe a token
 * comes, as ever.
 */
async function withIdentity(options: LoginOptions, questions: Questions): Promise<LoginOptions> {
  const { identity, password, token = environment["SPELL_TOKEN"] } = options;
  if (identity !== undefined || options.token !== undefined || password !== undefined) return options;
  if (token) {
    terminal.error("Logging in with the token in SPELL_TOKEN.");
    return { ...options, token };
  }
  if (!process.stdin.isTTY) return options;
  const answer = await questions.line("User name or e-mail (empty: log in with a token)");
  return answer === "" ? options : { ...options, identity: answer };
}

async function tokenOf(options: LoginOptions, questions: Questions): Promise<string> {
  const token = (options.token ?? (await questions.secret("Token"))).trim();
  if (!isToken(token)) throw argumentError("That is no token: a token is one word. Nothing was changed.");
  return token;
}

async function openSession(
  options: LoginOptions & { identity: string; coordinator: string },
  questions: Questions,
): Promise<string> {
  const { identity, coordinator } = options;
  const password = options.password ?? (await questions.secret("Password"));
  using client = new SpellClient({ token: "none", coordinator }, { connectForMs: 3_000 });
  return (await client.users.logIn({ identity, password })).token;
}

/** The session that this login takes the place of is of no use to anybody. */
async function endSession({ token, coordinator }: { token?: string; coordinator: string }, before: ConfigurationFile) {
  if (token === undefined || !isToken(token) || (before.coordinator ?? coordinator) !== coordinator) return;
  using client = new SpellClient({ token, coordinator }, { connectForMs: 3_000 });
  // It may have ended long ago.
  await client.users.logOut().catch(() => undefined);
}

function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** A file that cannot be understood is what logging in repairs. */
function readableBefore(path: string): ConfigurationFile {
  try {
    return readConfigurationFile(path);
  } catch {
    return {};
  }
}
