/** How each part of the farm is started: its command, what it prints once it serves. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { natsServerConfig } from "@spell/event-bus/nats";
import type { COORDINATORS, MachineName } from "../faults/fault.ts";
import { ADDRESSES, PORTS } from "../network/addresses.ts";
import { AS_RELAY, RELAY_READY } from "../relay/relay-process.ts";
import { appCommand, appEnvironment, findServer } from "./programs.ts";

export interface PartCommand {
  command: readonly string[];
  environment?: Readonly<Record<string, string>>;
  ready: RegExp;
}

/** What parts need to know. */
export interface FarmFacts {
  /** Of the trial, on the machine's own disk. */
  folder: string;
  leaseSeconds: number;
  hasStore: boolean;
  hasDatabase: boolean;
  /** gRPC addresses, with commas between. */
  coordinators: string;
}

const NATS_TOKEN = "trial";
const S3 = { accessKey: "trial", secretKey: "trial-of-a-farm" };
/** One that stands by is where it should be, too. */
const OURS_READY = /^\{"(ready|standby)":true/m;
/** PostgreSQL refuses to run as root: then it runs as nobody. */
const NOBODY = 65_534;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
/** Made at the first start. Only this farm can reach it, so it asks nobody for a password. */
const DATABASE = `test -e "$2/PG_VERSION" || {
  "$1/initdb" -D "$2" -U spell -A trust -E UTF8 --locale C && echo "host all all all trust" >> "$2/pg_hba.conf"
} && exec "$1/postgres" -D "$2" -c listen_addresses=* -c unix_socket_directories= -c port=$3`;

export function addressOf(name: MachineName, port: number): string {
  return `${ADDRESSES[name].ip}:${port}`;
}

/** Where nats-server keeps what it has been given. */
export function natsFolder(data: string): string {
  return join(data, "nats");
}

export function natsCommand(data: string, { folder }: FarmFacts): PartCommand {
  const path = join(folder, "nats.conf");
  const settings = { host: "0.0.0.0", port: PORTS.nats, storeDir: natsFolder(data), token: NATS_TOKEN };
  writeFileSync(path, natsServerConfig(settings));
  return { command: [findServer("nats-server"), "--config", path], ready: /Server is ready/ };
}

export function storeCommand(data: string): PartCommand {
  const folders = ["--certs-dir", join(data, "certs"), join(data, "objects")];
  return {
    command: [findServer("minio"), "server", "--address", `:${PORTS.store}`, ...folders],
    environment: {
      ...{ MINIO_ROOT_USER: S3.accessKey, MINIO_ROOT_PASSWORD: S3.secretKey, MINIO_BROWSER: "off" },
      ...{ MINIO_UPDATE: "off", MINIO_CALLHOME_ENABLE: "off" },
    },
    ready: /^API: /m,
  };
}

export function databaseCommand(data: string): PartCommand {
  const args = [dirname(findServer("postgres")), join(data, "postgres"), String(PORTS.database)];
  const command = ["sh", "-c", DATABASE, "sh", ...args];
  return {
    command: process.getuid?.() === 0 ? [...AS_NOBODY, ...command] : command,
    environment: { LC_ALL: "C", TZ: "UTC" },
    ready: /ready to accept connections/,
  };
}

export function coordinatorCommand(
  name: (typeof COORDINATORS)[number],
  { data, facts }: { data: string; facts: FarmFacts },
): PartCommand {
  const { folder, leaseSeconds, hasStore, hasDatabase } = facts;
  const store = ["--s3-endpoint", `http://${addressOf("store", PORTS.store)}`, "--s3-access-key", S3.accessKey];
  return {
    command: [
      ...[...appCommand("coordinator"), "--data", data, "--host", "0.0.0.0", "--advertise", ADDRESSES[name].ip],
      ...["--grpc-port", String(PORTS.grpc), "--http-port", String(PORTS.http)],
      ...["--nats", `nats://${addressOf("nats", PORTS.nats)}`, "--lease-seconds", String(leaseSeconds)],
      ...(hasStore ? store : []),
      ...(hasDatabase ? ["--database", `postgres://spell@${addressOf("database", PORTS.database)}/postgres`] : []),
    ],
    environment: {
      ...appEnvironment(folder),
      ...{ SPELL_NATS_TOKEN: NATS_TOKEN, SPELL_S3_SECRET_KEY: S3.secretKey },
    },
    ready: OURS_READY,
  };
}

/** File that says how far the clock of an agent is ahead, milliseconds. */
export function clockFile(folder: string, name: MachineName): string {
  return join(folder, `clock-${name}`);
}

export function agentCommand(
  name: MachineName,
  { data, joinToken, facts }: { data: string; joinToken: string; facts: FarmFacts },
): PartCommand {
  const [node = "", ...rest] = appCommand("agent");
  const clock = new URL("../clock/step-clock.ts", import.meta.url).href;
  return {
    command: [
      ...[node, "--import", clock, ...rest, "--data", join(data, "agent"), "--name", name],
      ...["--coordinator", facts.coordinators, "--machine-type", `${name}=1`],
      ...["--cpu-slots", "3", "--cache-size", "64MiB", "--stop-grace-seconds", "5"],
    ],
    environment: {
      ...appEnvironment(facts.folder),
      ...{ SPELL_JOIN_TOKEN: joinToken, SPELL_CHAOS_CLOCK: clockFile(facts.folder, name) },
    },
    ready: OURS_READY,
  };
}

export function relayCommand(): PartCommand {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  return {
    command: [process.execPath, "--disable-warning=ExperimentalWarning", main, AS_RELAY],
    ready: new RegExp(RELAY_READY),
  };
}
