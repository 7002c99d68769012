/**
 * The two clients that are compared, each with a farm of its own so that both see the same ids: the historical package as it
 * was published, and ours. Neither reaches anything but this machine.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { repositoryRoot, startCommand } from "@spell/testing";
import type { CommandResult, RunningCommand } from "@spell/testing";
import { Farm } from "../../support/farm.ts";
import type { FarmOptions } from "../../support/farm.ts";
import { openTap, openTripwire } from "./tap.ts";
import type { Tap, Tripwire } from "./tap.ts";

/** Where the historical client's programs lie. */
export const historicalBin = join(repositoryRoot, ".cache", "historical", "bin");
/** A folder that this user may not enter makes a shell say "permission denied" of a program that is nowhere. */
const folders = (process.env["PATH"] ?? "").split(delimiter).filter((each) => existsSync(each));
const rsyncFolder = [...folders, join(repositoryRoot, ".cache", "bin")].find((each) => existsSync(join(each, "rsync")));

/** Why the historical client cannot be driven here; undefined when it can. */
export const missingHistorical: string | undefined = !existsSync(join(historicalBin, "spell"))
  ? 'the historical client is not set up: run "npm run setup -- --tests"'
  : rsyncFolder === undefined
    ? "there is no rsync, without which the historical command line does not start"
    : undefined;

export interface Call {
  cwd?: string;
  input?: string;
  env?: NodeJS.ProcessEnv;
}

export interface Client {
  readonly name: "historical" | "ours";
  readonly farm: Farm;
  /** A folder of its own, empty at first. */
  readonly folder: string;
  /** Programs and environment with which it calls. */
  readonly environment: NodeJS.ProcessEnv;
  readonly python: string;
  start(args: readonly string[], call?: Call): RunningCommand;
  startPython(script: string, call?: Call): RunningCommand;
}

export interface Clients extends AsyncDisposable {
  historical: Client;
  ours: Client;
  tap: Tap;
  tripwire: Tripwire;
}

/** Starts both farms. */
export async function startClients(options: FarmOptions | ((folder: string) => FarmOptions) = {}): Promise<Clients> {
  const stack = new AsyncDisposableStack();
  try {
    const [first, second] = await Promise.allSettled([Farm.start(options), Farm.start(options)]);
    for (const each of [first, second]) if (each.status === "fulfilled") stack.use(each.value);
    if (first.status === "rejected") throw first.reason;
    if (second.status === "rejected") throw second.reason;
    const tripwire = stack.use(await openTripwire());
    const tap = stack.use(await openTap(addressOf(first.value)));
    const clients = {
      historical: historicalClient(first.value, { tap, tripwire }),
      ours: ourClient(second.value, tripwire),
    };
    const disposables = stack.move();
    return { ...clients, tap, tripwire, [Symbol.asyncDispose]: () => disposables.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function addressOf(farm: Farm): string {
  const url = /^api_url: (\S+)$/m.exec(readFileSync(farm.configuration, "utf8"))?.[1];
  if (url === undefined) throw new Error(`no address in ${farm.configuration}`);
  return url;
}

/** What both have in common. HOME lies in this folder: no login and no setting of the machine's user gets in. */
export function commonEnvironment(folder: string, tripwire: Tripwire): NodeJS.ProcessEnv {
  const home = join(folder, "home");
  mkdirSync(join(home, ".ssh"), { recursive: true });
  writeFileSync(join(home, ".gitconfig"), "[user]\nname = n\nemail = n@example.org\n[init]\ndefaultBranch = main\n");
  return {
    ...{ HOME: home, TMPDIR: process.env["TMPDIR"], SPELL_TEST_RUN: process.env["SPELL_TEST_RUN"] },
    ...{ LANG: "C.UTF-8", LC_ALL: "C.UTF-8", TZ: "UTC", COLUMNS: "200", PYTHONDONTWRITEBYTECODE: "1" },
    ...{ HTTP_PROXY: tripwire.proxy, HTTPS_PROXY: tripwire.proxy, NO_PROXY: "127.0.0.1,localhost" },
    ...{ http_proxy: tripwire.proxy, https_proxy: tripwire.proxy, no_proxy: "127.0.0.1,localhost" },
  };
}

/** Folders of everything else that either of them calls. */
export const systemPath = [...folders, join(repositoryRoot, ".cache", "bin")].filter(
  (each) => !each.includes("node_modules"),
);

/** A key of nobody: with a line for that host the client does not look for it on the network. */
const NO_SCAN =
  "git.spell.run ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=\n";

function historicalClient(farm: Farm, { tap, tripwire }: { tap: Tap; tripwire: Tripwire }): Client {
  const common = commonEnvironment(farm.folder, tripwire);
  const login = join(farm.folder, "historical-login");
  mkdirSync(login);
  cpSync(farm.configuration, join(login, "config"));
  writeFileSync(join(common["HOME"] ?? "", ".ssh", "known_hosts"), NO_SCAN);
  // Where the line is not found all the same (ssh-keygen goes by the machine's user), the scan must not leave this machine.
  const bin = join(farm.folder, "no-scan");
  mkdirSync(bin);
  writeFileSync(join(bin, "ssh-keyscan"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  const environment = {
    ...common,
    ...{ PATH: [bin, historicalBin, ...systemPath].join(delimiter), SPELL_QUIET: "1", SPELL_DIR: login },
    ...{ SPELL_API_URL: tap.url, SPELL_BASE_URL: tap.url },
  };
  const command = [join(historicalBin, "spell"), "--spell-dir", login];
  return makeClient({ name: "historical", farm, environment, command, python: join(historicalBin, "python") });
}

const ourBin = join(repositoryRoot, "apps/cli/bin");

function ourClient(farm: Farm, tripwire: Tripwire): Client {
  const bin = join(repositoryRoot, ".venv", "bin");
  const environment = {
    ...commonEnvironment(farm.folder, tripwire),
    ...{ PATH: [bin, ourBin, ...systemPath].join(delimiter), PYTHONPATH: join(repositoryRoot, "libs/sdk-python") },
    SPELL_DIR: farm.place.login,
  };
  const command = [join(ourBin, "spell")];
  return makeClient({ name: "ours", farm, environment, command, python: join(bin, "python") });
}

interface Programs {
  name: Client["name"];
  farm: Farm;
  environment: NodeJS.ProcessEnv;
  command: readonly string[];
  python: string;
}

function makeClient({ name, farm, environment, command, python }: Programs): Client {
  const folder = join(farm.folder, "work");
  mkdirSync(folder);
  const start = (program: string, args: readonly string[], call: Call = {}): RunningCommand =>
    startCommand(program, args, {
      cwd: call.cwd ?? folder,
      env: { ...environment, ...call.env },
      input: call.input,
    });
  const [program = "", ...first] = command;
  return {
    ...{ name, farm, folder, environment, python },
    start: (args, call) => start(program, [...first, ...args], call),
    startPython: (script, call) => start(python, ["-c", script], call),
  };
}

/** A command that takes longer hangs. */
const PATIENCE_MS = 60_000;

/** Runs it to its end; one that hangs is ended, and counts as ended by a signal. */
export async function finished(command: RunningCommand): Promise<CommandResult> {
  using running = command;
  const timer = setTimeout(() => running.signal("SIGKILL"), PATIENCE_MS);
  return await running.done.finally(() => clearTimeout(timer));
}
