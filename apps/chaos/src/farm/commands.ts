/** How each part of the farm is started: its command, what it prints once it serves. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { natsServerConfig } from "@spell/event-bus/nats";
import type { MachineName } from "../faults/fault.ts";
import { ADDRESSES, PORTS } from "../network/addresses.ts";
import { AS_RELAY, RELAY_READY } from "../relay/relay-process.ts";
import { appCommand, appEnvironment, findServer } from "./programs.ts";

export interface PartCommand {
  command: readonly string[];
  environment?: Readonly<Record<string, string>>;
  readyText: string;
}

/** What parts need to know. */
export interface FarmFacts {
  /** Of the trial, on the machine's own disk. */
  folder: string;
  leaseSeconds: number;
  hasStore: boolean;
}

const NATS_TOKEN = "trial";
const S3 = { accessKey: "trial", secretKey: "trial-of-a-farm" };
const OURS_READY = '{"ready":true';

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
  return { command: [findServer("nats-server"), "--config", path], readyText: "Server is ready" };
}

export function storeCommand(data: string): PartCommand {
  const folders = ["--certs-dir", join(data, "certs"), join(data, "objects")];
  return {
    command: [findServer("minio"), "server", "--address", `:${PORTS.store}`, ...folders],
    environment: {
      ...{ MINIO_ROOT_USER: S3.accessKey, MINIO_ROOT_PASSWORD: S3.secretKey, MINIO_BROWSER: "off" },
      ...{ MINIO_UPDATE: "off", MINIO_CALLHOME_ENABLE: "off" },
    },
    readyText: "API: ",
  };
}

export function coordinatorCommand(data: string, { folder, leaseSeconds, hasStore }: FarmFacts): PartCommand {
  const store = ["--s3-endpoint", `http://${addressOf("store", PORTS.store)}`, "--s3-access-key", S3.accessKey];
  return {
    command: [
      ...[...appCommand("coordinator"), "--data", data, "--host", "0.0.0.0", "--advertise", ADDRESSES.coordinator.ip],
      ...["--grpc-port", String(PORTS.grpc), "--http-port", String(PORTS.http)],
      ...["--nats", `nats://${addressOf("nats", PORTS.nats)}`, "--lease-seconds", String(leaseSeconds)],
      ...(hasStore ? store : []),
    ],
    environment: {
      ...appEnvironment(folder),
      ...{ SPELL_NATS_TOKEN: NATS_TOKEN, SPELL_S3_SECRET_KEY: S3.secretKey },
    },
    readyText: OURS_READY,
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
      ...["--coordinator", addressOf("coordinator", PORTS.grpc), "--machine-type", `${name}=1`],
      ...["--cpu-slots", "3", "--cache-size", "64MiB", "--stop-grace-seconds", "5"],
    ],
    environment: {
      ...appEnvironment(facts.folder),
      ...{ SPELL_JOIN_TOKEN: joinToken, SPELL_CHAOS_CLOCK: clockFile(facts.folder, name) },
    },
    readyText: OURS_READY,
  };
}

export function relayCommand(): PartCommand {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  return {
    command: [process.execPath, "--disable-warning=ExperimentalWarning", main, AS_RELAY],
    readyText: RELAY_READY,
  };
}
