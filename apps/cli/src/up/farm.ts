/** The three parts of an embedded farm, started in order and ended in the opposite one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { natsServerConfig } from "@spell/event-bus/nats";
import { SpellError, invalidInput, messageOf } from "@spell/domain";
import { ManagedChild } from "./child-process.ts";
import type { ChildOptions } from "./child-process.ts";
import type { DataFolder } from "./data-folder.ts";
import { appArguments, appEnvironment, findNatsServer } from "./programs.ts";
import { environment } from "../config.ts";

export interface FarmOptions {
  /** URL of the PostgreSQL that keeps the record. */
  database?: string;
  host: string;
  grpcPort: number;
  httpPort: number;
  natsPort: number;
  /** A nats-server that runs already, instead of one of ours. */
  natsUrl?: string;
  natsToken?: string;
  advertise?: string;
  user: string;
  machineTypes: string[];
  /** Passed on as they are. */
  coordinatorArgs: string[];
  agentArgs: string[];
}

export interface Ready {
  coordinator: string;
  api: string;
}

export class Farm {
  readonly #folder: DataFolder;
  readonly #options: FarmOptions;
  readonly #onRestart: (name: string, how: string) => void;
  #ready: Ready | undefined;
  #nats: ManagedChild | undefined;
  #coordinator: ManagedChild | undefined;
  #agent: ManagedChild | undefined;

  constructor(folder: DataFolder, options: FarmOptions, onRestart: (name: string, how: string) => void) {
    this.#folder = folder;
    this.#options = options;
    this.#onRestart = onRestart;
  }

  /** Throws what the part that could not start said. */
  async startCoordinator(): Promise<Ready> {
    const nats = this.#options.natsUrl === undefined ? this.#startNats() : Promise.resolve("");
    this.#coordinator = this.#child("coordinator", {
      command: process.execPath,
      args: () => [...appArguments("coordinator"), ...this.#coordinatorArgs()],
      environment: { SPELL_NATS_TOKEN: this.#natsToken(), ...this.#database(), ...appEnvironment() },
      isReady: isReadyLine,
    });
    const [line] = await Promise.all([this.#coordinator.start(), nats]);
    this.#ready = JSON.parse(line) as Ready;
    return this.#ready;
  }

  /** `joinToken`: used the first time only. */
  async startAgent(joinToken: string): Promise<void> {
    this.#agent = this.#child("agent", {
      command: process.execPath,
      args: () => [...appArguments("agent"), ...this.#agentArgs()],
      environment: { SPELL_JOIN_TOKEN: joinToken, ...appEnvironment() },
      isReady: isReadyLine,
    });
    await this.#agent.start();
  }

  /** `SIGINT` drains the agent (a second one interrupts its runs), `SIGTERM` leaves its runs running. */
  signalAgent(signal: "SIGINT" | "SIGTERM"): void {
    this.#agent?.signal(signal);
  }

  /** Waits for the agent to end, then ends the rest. */
  async stop(): Promise<void> {
    await this.#agent?.ended();
    for (const part of [this.#coordinator, this.#nats]) {
      part?.signal("SIGTERM");
      await part?.ended();
    }
  }

  #startNats(): Promise<string> {
    const { host, natsPort } = this.#options;
    const path = join(this.#folder.path, "nats.conf");
    const storeDir = join(this.#folder.path, "nats");
    writeFileSync(path, natsServerConfig({ host, port: natsPort, storeDir, token: this.#natsToken() }), {
      mode: 0o600,
    });
    const command = findNatsServer(environment);
    this.#nats = this.#child("nats-server", {
      command,
      args: () => ["--config", path],
      isReady: (line) => line.includes("Server is ready"),
      readyIn: "log",
    });
    return this.#nats.start().catch((error: unknown) => {
      throw natsProblem(error, `${host}:${natsPort}`);
    });
  }

  #child(
    name: string,
    options: Pick<ChildOptions, "command" | "args" | "environment" | "isReady" | "readyIn">,
  ): ManagedChild {
    return new ManagedChild({
      ...options,
      name,
      logPath: join(this.#folder.logs, `${name}.log`),
      onStart: (child, pid) => this.#folder.mark(child, pid),
      onRestart: this.#onRestart,
    });
  }

  #natsToken(): string {
    return this.#options.natsUrl === undefined ? this.#folder.secret("nats-token") : (this.#options.natsToken ?? "");
  }

  /** Not among the arguments, which other users of the machine can read. */
  #database(): Record<string, string> {
    const { database } = this.#options;
    return database === undefined ? {} : { SPELL_DATABASE: database };
  }

  #coordinatorArgs(): string[] {
    const { host, advertise, natsUrl, natsPort, user } = this.#options;
    // Once chosen, ports stay: clients and the agent know them.
    const grpcPort = this.#ready === undefined ? this.#options.grpcPort : portOf(this.#ready.coordinator);
    const httpPort = this.#ready === undefined ? this.#options.httpPort : portOf(this.#ready.api);
    const reachable = advertise ?? (host === "0.0.0.0" ? "127.0.0.1" : host);
    return [
      ...["--data", this.#folder.path, "--host", host, "--advertise", reachable, "--user", user],
      ...["--grpc-port", String(grpcPort), "--http-port", String(httpPort)],
      ...["--nats", natsUrl ?? `nats://${host === "0.0.0.0" ? "127.0.0.1" : host}:${natsPort}`],
      ...["--advertise-nats", natsUrl ?? `nats://${reachable}:${natsPort}`],
      ...this.#options.coordinatorArgs,
    ];
  }

  #agentArgs(): string[] {
    if (this.#ready === undefined) throw invalidInput("The agent starts after its coordinator.");
    const types = this.#options.machineTypes.flatMap((type) => ["--machine-type", type]);
    return [
      ...["--coordinator", this.#ready.coordinator, "--data", join(this.#folder.path, "agent")],
      ...["--hide", this.#folder.path, ...types, ...this.#options.agentArgs],
    ];
  }
}

/** What nats-server says is for its operators; a user needs to know the port. */
function natsProblem(error: unknown, address: string): SpellError {
  const message = messageOf(error).includes("address already in use")
    ? `Cannot serve NATS on ${address}: the port is taken. Is Spell running already? Choose another port with --nats-port.`
    : `nats-server cannot be started: ${messageOf(error)}`;
  return new SpellError("unavailable", message, { reason: "nats", cause: error });
}

function isReadyLine(line: string): boolean {
  return line.startsWith('{"ready":true');
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1]);
}
