/** `spell up`: a whole farm on this machine, until ^C. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { SpellError, messageOf, parseByteSize, parseMachineType } from "@spell/domain";
import { SpellClient, configurationPath, readConfigurationFile, writeConfigurationFile } from "@spell/sdk";
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import { DataFolder } from "../up/data-folder.ts";
import type { Ready } from "../up/farm.ts";
import { Farm } from "../up/farm.ts";
import { environment } from "../config.ts";

interface UpOptions {
  data: string;
  database?: string;
  host: string;
  grpcPort: number;
  httpPort: number;
  natsPort: number;
  nats?: string;
  natsToken?: string;
  advertise?: string;
  machineType: string[];
  expectMachineType: string[];
  cpuSlots?: string;
  executor?: string;
  leaseSeconds?: string;
  nonZeroExit?: string;
  stopGraceSeconds?: string;
  cacheSize?: string;
  memoryPerSlot?: string;
  maxProcesses?: string;
  diskPerRun?: string;
  diskReserve?: string;
  s3Endpoint?: string;
  s3PublicEndpoint?: string;
  s3Bucket?: string;
  gcEveryHours?: string;
  gcGraceHours?: string;
  keepOutputsOfArchivedRuns?: string;
  login?: boolean;
  allowSignup?: boolean;
}

interface FirstLogin {
  userName: string;
  email: string;
  userToken: string;
  joinToken: string;
}

/** Adds the command to the program. */
export function registerUp(program: Command): void {
  program
    .command("up")
    .description("Start a farm on this machine: coordinator, nats-server, object store and one agent. ^C ends it.")
    .option("--data <DIR>", "where everything is kept", join(homedir(), ".spell", "data"))
    .option("--database <URL>", "keep the record in this PostgreSQL; SPELL_DATABASE hides its password from ps")
    .option("--host <HOST>", "address to listen on; 0.0.0.0 lets other machines in", "127.0.0.1")
    .option("--advertise <HOST>", "name under which other machines reach this one")
    .option("--grpc-port <PORT>", "gRPC: clients and agents", port, 7800)
    .option("--http-port <PORT>", "HTTP: scripts and the object store", port, 7801)
    .option("--nats-port <PORT>", "nats-server", port, 7802)
    .option("--nats <URL>", "use this nats-server instead of starting one")
    .option("--nats-token <TOKEN>", "its token")
    .option(
      "--machine-type <NAME[=SLOTS]>",
      "machine type this machine offers besides CPU and its GPUs; repeatable",
      types,
      [],
    )
    .option(
      "--expect-machine-type <NAME>",
      "machine type that runs may wait for before any machine with it has joined; repeatable",
      types,
      [],
    )
    .option("--cpu-slots <N>", "runs of type CPU at once (default: one per core)")
    .option("--executor <NAME>", "sandbox, process or dummy (default: sandbox on Linux)")
    .option("--stop-grace-seconds <N>", "time between SIGTERM and SIGKILL when a run is stopped (default: 30)")
    .option(
      "--cache-size <SIZE>",
      "what the agent's cache may take on the disk, such as 50GiB (default: half of the disk)",
      size,
    )
    .option(
      "--memory-per-slot <[TYPE=]SIZE>",
      "memory of a run for each slot that it has, such as 8GiB or V100=60GiB (default: no limit)",
      memoryPerSlot,
    )
    .option("--max-processes <N>", "processes and threads of one run at once (default: 4096 or more; 0: no limit)")
    .option("--disk-per-run <SIZE>", "what one run may write to the disk, such as 100GiB (default: no limit)", size)
    .option("--disk-reserve <SIZE>", "take no run while less than this is free on the disk (default: 1GiB)", size)
    .option("--lease-seconds <N>", "silence of an agent after which its runs are interrupted (default: 600)")
    .option("--non-zero-exit <STATUS>", "what exit codes other than 0 make of a run: failed (default) or complete")
    .option("--s3-endpoint <URL>", "keep objects in this S3 store; keys in SPELL_S3_ACCESS_KEY and SPELL_S3_SECRET_KEY")
    .option("--s3-public-endpoint <URL>", "the S3 store as other machines reach it")
    .option("--s3-bucket <NAME>", "its bucket")
    .option(
      "--gc-every-hours <N>",
      "how often what nothing uses is removed from the store (default: 24; 0: only by spell gc)",
    )
    .option("--gc-grace-hours <N>", "what was stored for no longer stays in any case (default: 24)")
    .option("--keep-outputs-of-archived-runs <DAYS>", "give up their outputs after so many days (default: keep them)")
    .option("--allow-signup", "let anybody who reaches this farm make a user for themselves")
    .option("--login", "log this user in here even if logged in elsewhere")
    .action(up);
}

async function up(options: UpOptions): Promise<void> {
  const startedAt = performance.now();
  const folder = new DataFolder(resolve(options.data));
  await folder.take();
  if (options.nats === undefined && options.natsPort === 0) options.natsPort = await freePort(options.host);
  const farm = new Farm(folder, farmOptions(options), (name, how) =>
    terminal.error(`The ${name} ended unexpectedly (${how}); starting it again. Its log is in ${folder.logs}.`),
  );
  // Before the first part starts: ^C in the middle of the start ends what was started.
  const ended = endOnSignals(farm, folder);
  try {
    const ready = await farm.startCoordinator();
    const login = JSON.parse(readFileSync(join(folder.path, "coordinator", "login.json"), "utf8")) as FirstLogin;
    await farm.startAgent(login.joinToken);
    await announce({ ready, login, folder, options, startedAt });
  } catch (error) {
    farm.signalAgent("SIGTERM");
    await farm.stop();
    folder.release();
    throw error instanceof SpellError ? error : new SpellError("unavailable", messageOf(error), { cause: error });
  }
  await ended;
}

function farmOptions(options: UpOptions): ConstructorParameters<typeof Farm>[1] {
  const pass = (flags: Record<string, string | undefined>): string[] =>
    Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
  return {
    ...options,
    natsUrl: options.nats,
    user: userInfo().username,
    machineTypes: options.machineType,
    coordinatorArgs: [
      ...options.expectMachineType.flatMap((type) => ["--machine-type", type]),
      ...(options.allowSignup ? ["--allow-signup"] : []),
      ...pass({
        "--lease-seconds": options.leaseSeconds,
        "--non-zero-exit": options.nonZeroExit,
        "--gc-every-hours": options.gcEveryHours,
        "--gc-grace-hours": options.gcGraceHours,
        "--keep-outputs-of-archived-runs": options.keepOutputsOfArchivedRuns,
        "--s3-endpoint": options.s3Endpoint,
        "--s3-public-endpoint": options.s3PublicEndpoint,
        "--s3-bucket": options.s3Bucket,
      }),
    ],
    agentArgs: pass({
      "--cpu-slots": options.cpuSlots,
      "--executor": options.executor,
      "--stop-grace-seconds": options.stopGraceSeconds,
      "--cache-size": options.cacheSize,
      "--memory-per-slot": options.memoryPerSlot,
      "--max-processes": options.maxProcesses,
      "--disk-per-run": options.diskPerRun,
      "--disk-reserve": options.diskReserve,
    }),
  };
}

/** Resolves when all parts have ended. The first ^C drains, the second interrupts; SIGTERM leaves runs to the next start. */
function endOnSignals(farm: Farm, folder: DataFolder): Promise<void> {
  return new Promise((done, failed) => {
    let interrupts = 0;
    const finish = (): void => {
      farm
        .stop()
        .then(() => folder.release())
        .then(done, failed);
    };
    process.on("SIGINT", () => {
      interrupts += 1;
      farm.signalAgent("SIGINT");
      if (interrupts > 1) return;
      terminal.line();
      terminal.say("spark", "Draining: waiting for runs to end. Press ^C again to interrupt them.");
      finish();
    });
    for (const signal of ["SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        farm.signalAgent("SIGTERM");
        finish();
      });
    }
  });
}

async function announce(up: {
  ready: Ready;
  login: FirstLogin;
  folder: DataFolder;
  options: UpOptions;
  startedAt: number;
}): Promise<void> {
  const { ready, login, folder, options } = up;
  const loggedIn = logIn(ready, login, options.login ?? false);
  using client = new SpellClient({ token: login.userToken, coordinator: ready.coordinator });
  const machineTypes = await client.account.listMachineTypes();
  const offered = machineTypes.map(({ name, slots }) => `${name} (${slots})`).join(", ");
  const seconds = ((performance.now() - up.startedAt) / 1000).toFixed(1);
  terminal.say("spark", `Spell is up after ${seconds} s.`);
  terminal.line(`   gRPC           ${ready.coordinator}`);
  terminal.line(`   HTTP           ${ready.api}`);
  terminal.line(`   Machine types  ${offered}`);
  terminal.line(`   Data           ${folder.path}`);
  terminal.line(`   User           ${login.userName}${loggedIn}`);
  if (options.host === "127.0.0.1" && options.advertise === undefined) {
    terminal.line("   More machines  start with --host 0.0.0.0 --advertise NAME, then: spell agent token");
  } else {
    terminal.line("   More machines  spell agent token   (prints the line to run there)");
  }
  terminal.say("spark", "Stop with ^C.");
}

/** Logs the user of this machine in, unless they are logged in elsewhere. Says what holds now. */
function logIn(ready: Ready, login: FirstLogin, force: boolean): string {
  const path = configurationPath(environment);
  const before = force ? {} : readConfigurationFile(path);
  if (before.token !== undefined && before.token !== login.userToken) {
    return ` (you stay logged in at ${before.coordinator ?? "another farm"}; --login changes that)`;
  }
  writeConfigurationFile(path, {
    token: login.userToken,
    owner: login.userName,
    user_name: login.userName,
    email: login.email,
    coordinator: ready.coordinator,
    api_url: ready.api,
  });
  return ` (logged in, ${path})`;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return value;
}

function size(text: string): string {
  try {
    parseByteSize(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
  return text;
}

/** Repeated ones are joined by commas, as the agent takes them too. */
function memoryPerSlot(text: string, before?: string): string {
  for (const part of text.split(",")) size(part.slice(part.indexOf("=") + 1));
  return before === undefined ? text : `${before},${text}`;
}

function types(text: string, before: string[]): string[] {
  try {
    for (const each of text.split(",")) parseMachineType(each);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
  return [...before, ...text.split(",")];
}

function freePort(host: string): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolvePort(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
