/** The coordinator's configuration: flags first, then environment, then defaults. One sentence per setting. */
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { NonZeroExit } from "@spell/domain";
import { NON_ZERO_EXITS, messageOf, parseMachineType } from "@spell/domain";

const HOUR_MS = 3_600_000;

export interface CoordinatorConfig {
  dataDir: string;
  /** URL of the record's database, with its password: for no log. Without it the record is a file in the data folder. */
  database?: string;
  host: string;
  grpcPort: number;
  httpPort: number;
  advertiseHost: string;
  natsUrl: string;
  natsToken: string;
  advertiseNatsUrl: string;
  machineTypes: string[];
  leaseMs: number;
  nonZeroExit: NonZeroExit;
  logLevel: string;
  /** Instead of serving: make the record from this backup. `replace`: keep one that is there under another name. */
  restore?: { file: string; replace: boolean };
  s3?: { endpoint: string; publicEndpoint: string; bucket: string; accessKey: string; secretKey: string };
  bootstrapUser: string;
  allowSignup: boolean;
  /** Code that is pushed or fetched with git. */
  git: { maxBytes: number; seconds: number; allowedProtocols: string[] };
  /** See GarbageRules. */
  garbage: { graceMs: number; everyMs: number; keepArchivedOutputsMs?: number };
}

/** Parses the command line. Throws CommanderError, whose message says what is wrong; its exit code is 0 after --help. */
export function parseConfig(argv: readonly string[]): CoordinatorConfig {
  const program = new Command("spell-coordinator")
    .description("The only writer of run state: serves clients and agents.")
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .addOption(
      option("--data <dir>", "folder of the record and, embedded, of the object store", "SPELL_DATA").argParser(
        notEmpty,
      ),
    )
    // Whether it is a URL is found out where it is used: what is said here repeats the value, and with it the password.
    .addOption(
      option("--database <url>", "keep the record in this PostgreSQL, not in the data folder", "SPELL_DATABASE"),
    )
    .addOption(option("--host <host>", "address to listen on", "SPELL_HOST").argParser(notEmpty).default("127.0.0.1"))
    .addOption(option("--grpc-port <port>", "port of gRPC; 0: any", "SPELL_GRPC_PORT").argParser(port).default(7800))
    .addOption(option("--http-port <port>", "port of HTTP; 0: any", "SPELL_HTTP_PORT").argParser(port).default(7801))
    .addOption(
      option(
        "--advertise <host>",
        "host name under which agents and runs reach this machine (default: --host)",
        "SPELL_ADVERTISE",
      ),
    )
    .addOption(option("--nats <url>", "nats-server", "SPELL_NATS").default("nats://127.0.0.1:7802"))
    .addOption(
      option("--advertise-nats <url>", "nats-server as agents reach it (default: --nats)", "SPELL_ADVERTISE_NATS"),
    )
    .addOption(option("--nats-token <token>", "token of nats-server", "SPELL_NATS_TOKEN").default(""))
    .addOption(
      option(
        "--machine-type <name...>",
        "machine type that may be asked for before any agent has it",
        "SPELL_MACHINE_TYPES",
      )
        .argParser(machineTypes)
        .default([]),
    )
    .addOption(
      option("--lease-seconds <n>", "silence of an agent after which its runs are interrupted", "SPELL_LEASE_SECONDS")
        .argParser(positive)
        .default(600),
    )
    .addOption(
      option(
        "--non-zero-exit <status>",
        "what a command that exits with another code than 0 makes of its run; `complete` is how Spell once counted",
        "SPELL_NON_ZERO_EXIT",
      )
        .choices(NON_ZERO_EXITS)
        .default("failed"),
    )
    .addOption(
      option("--s3-endpoint <url>", "keep objects in this S3 store instead of the data folder", "SPELL_S3_ENDPOINT"),
    )
    .addOption(
      option("--s3-public-endpoint <url>", "the S3 store as agents and clients reach it", "SPELL_S3_PUBLIC_ENDPOINT"),
    )
    .addOption(option("--s3-bucket <name>", "bucket of the S3 store", "SPELL_S3_BUCKET").default("spell"))
    .addOption(option("--s3-access-key <key>", "access key of the S3 store", "SPELL_S3_ACCESS_KEY").default(""))
    .addOption(option("--s3-secret-key <key>", "secret key of the S3 store", "SPELL_S3_SECRET_KEY").default(""))
    .addOption(
      option("--user <name>", "first user, made at the first start", "SPELL_USER").argParser(notEmpty).default("spell"),
    )
    .addOption(
      option("--allow-signup [yes|no]", "let anybody who reaches this coordinator make a user", "SPELL_ALLOW_SIGNUP")
        .choices(["yes", "no"])
        .preset("yes")
        .default("no"),
    )
    .addOption(
      option("--max-code-mib <n>", "most MiB of one push or fetched repository", "SPELL_MAX_CODE_MIB")
        .argParser(positive)
        .default(1024),
    )
    .addOption(
      option("--git-seconds <n>", "how long a push or a fetch of code may take", "SPELL_GIT_SECONDS")
        .argParser(positive)
        .default(600),
    )
    .addOption(
      option(
        "--allow-git-protocol <name...>",
        "also fetch code by this protocol (file: any repository that the coordinator can read)",
        "SPELL_ALLOW_GIT_PROTOCOL",
      )
        .argParser(protocols)
        .default([]),
    )
    .addOption(
      option(
        "--gc-grace-hours <n>",
        "what was stored for no longer is never collected as garbage, whether anything uses it or not",
        "SPELL_GC_GRACE_HOURS",
      )
        .argParser(notNegative)
        .default(24),
    )
    .addOption(
      option("--gc-every-hours <n>", "how often garbage is collected; 0: only by spell gc", "SPELL_GC_EVERY_HOURS")
        .argParser(notNegative)
        .default(24),
    )
    .addOption(
      option(
        "--keep-outputs-of-archived-runs <days>",
        "give up outputs of runs that were archived so many days ago (default: keep them)",
        "SPELL_KEEP_OUTPUTS_OF_ARCHIVED_RUNS",
      ).argParser(notNegative),
    )
    .addOption(
      option("--log-level <level>", "how much is logged", "SPELL_LOG_LEVEL")
        .choices(["trace", "debug", "info", "warn", "error"])
        .default("info"),
    )
    .addOption(new Option("--restore <file>", "do not serve: make the record from a backup, and end").hideHelp())
    .addOption(new Option("--replace", "with --restore: keep a record that is there under another name").hideHelp())
    .parse([...argv], { from: "user" });
  const values = program.opts<
    Record<string, string> & {
      grpcPort: number;
      httpPort: number;
      leaseSeconds: number;
      machineType: string[];
      nonZeroExit: NonZeroExit;
      maxCodeMib: number;
      gitSeconds: number;
      allowGitProtocol: string[];
      gcGraceHours: number;
      gcEveryHours: number;
      keepOutputsOfArchivedRuns?: number;
      replace?: boolean;
    }
  >();
  // A restore into a database needs no folder.
  if (values["data"] === undefined && (values["restore"] === undefined || values["database"] === undefined)) {
    program.error("error: required option '--data <dir>' not specified");
  }
  const host = values["host"] ?? "";
  const natsUrl = values["nats"] ?? "";
  return {
    dataDir: values["data"] ?? "",
    database: values["database"],
    host,
    grpcPort: values.grpcPort,
    httpPort: values.httpPort,
    advertiseHost: values["advertise"] ?? host,
    natsUrl,
    natsToken: values["natsToken"] ?? "",
    advertiseNatsUrl: values["advertiseNats"] ?? natsUrl,
    machineTypes: values.machineType,
    leaseMs: values.leaseSeconds * 1000,
    nonZeroExit: values.nonZeroExit,
    logLevel: values["logLevel"] ?? "info",
    restore:
      values["restore"] === undefined ? undefined : { file: values["restore"], replace: values.replace === true },
    s3: values["s3Endpoint"] === undefined ? undefined : s3Config(values["s3Endpoint"], values),
    bootstrapUser: values["user"] ?? "",
    allowSignup: values["allowSignup"] === "yes",
    git: {
      maxBytes: Math.floor(values.maxCodeMib * 2 ** 20),
      seconds: values.gitSeconds,
      allowedProtocols: values.allowGitProtocol,
    },
    garbage: {
      graceMs: values.gcGraceHours * HOUR_MS,
      everyMs: values.gcEveryHours * HOUR_MS,
      keepArchivedOutputsMs: daysToMs(values.keepOutputsOfArchivedRuns),
    },
  };
}

/** Where the coordinator keeps what is its own. */
export function dataPaths(
  dataDir: string,
): Record<
  "own" | "record" | "recordElsewhere" | "holder" | "secrets" | "objects" | "login" | "git" | "uploads",
  string
> {
  const own = join(dataDir, "coordinator");
  return {
    own,
    holder: join(own, "holder.json"),
    record: join(own, "record.db"),
    recordElsewhere: join(own, "record-elsewhere"),
    secrets: join(own, "secrets.json"),
    objects: join(dataDir, "objects"),
    login: join(own, "login.json"),
    git: join(own, "git"),
    uploads: join(own, "uploads"),
  };
}

function s3Config(endpoint: string, values: Record<string, string>): CoordinatorConfig["s3"] {
  const text = (key: string): string => values[key] ?? "";
  return {
    endpoint,
    publicEndpoint: text("s3PublicEndpoint") || endpoint,
    bucket: text("s3Bucket"),
    accessKey: text("s3AccessKey"),
    secretKey: text("s3SecretKey"),
  };
}

/** A variable that is set to nothing counts as not set. */
function option(flags: string, description: string, variable: string): Option {
  const made = new Option(flags, description);
  return process.env[variable] === "" ? made : made.env(variable);
}

function notEmpty(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is empty.");
  return text;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("Expected a positive number.");
  return value;
}

function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError("Expected 0 or a positive number.");
  }
  return value;
}

function daysToMs(days: number | undefined): number | undefined {
  return days === undefined ? undefined : days * 24 * HOUR_MS;
}

/** Variables by which git and ssh get through to other machines, as this process has them. */
export function networkVariables(): Record<string, string> {
  const names = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
  ];
  const both = names.flatMap((name) => [name, name.toUpperCase()]);
  return Object.fromEntries(both.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** One protocol of git, or several with commas between them. */
function protocols(text: string, before: string[]): string[] {
  const names = text.split(",").map((name) => name.trim().toLowerCase());
  if (names.some((name) => !/^[a-z][a-z0-9+.-]*$/.test(name))) {
    throw new InvalidArgumentError("A protocol is a word such as file.");
  }
  return [...before, ...names];
}

/** One name, or several with commas between them. */
function machineTypes(text: string, before: string[]): string[] {
  try {
    return [...before, ...text.split(",").map((name) => parseMachineType(name).name)];
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
