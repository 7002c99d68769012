/** Several coordinators of one farm as real processes, on a real PostgreSQL and a real S3 store. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, startMinio, startPostgres, startServerProcess, tempFolder, waitFor } from "@spell/testing";
import type { MinioServer, PostgresServer, ServerProcess, TempFolder } from "@spell/testing";
import type { FirstLogin } from "../secrets.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const START_LIMIT = { timeoutMs: 30_000, everyMs: 10 };

export class Member {
  readonly data: string;
  readonly grpc: string;
  readonly api: string;
  process: ServerProcess;

  constructor(given: { data: string; grpc: string; api: string; process: ServerProcess }) {
    this.data = given.data;
    this.grpc = given.grpc;
    this.api = given.api;
    this.process = given.process;
  }

  /** Resolves once it leads. */
  async leads(): Promise<void> {
    await this.#says(/^\{"ready":true/m);
  }

  /** Resolves once it has seen that another one leads. */
  async standsBy(): Promise<void> {
    await this.#says(/^\{"standby":true/m);
  }

  signal(signal: NodeJS.Signals): void {
    this.process.child.kill(signal);
  }

  /** Its exit code, once it has ended. */
  async ended(): Promise<number | null> {
    const { child } = this.process;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode;
  }

  /** A request to it alone, whoever leads. */
  async ask(token: string, path: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const method = body === undefined ? "GET" : "POST";
    const response = await fetch(`${this.api}${path}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async #says(line: RegExp): Promise<void> {
    await waitFor(
      `${this.grpc} to say ${String(line)}`,
      () => {
        if (this.process.child.exitCode !== null) throw new Error(`it ended: ${this.process.output()}`);
        return line.test(this.process.output());
      },
      START_LIMIT,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.process.output()}`, { cause: error });
    });
  }
}

export class Coordinators implements AsyncDisposable {
  readonly database: PostgresServer;
  readonly #store: MinioServer;
  readonly #folder: TempFolder;
  readonly #members: Member[] = [];
  readonly url: string;
  readonly #natsPort: number;

  private constructor(given: {
    database: PostgresServer;
    store: MinioServer;
    folder: TempFolder;
    url: string;
    natsPort: number;
  }) {
    this.database = given.database;
    this.#store = given.store;
    this.#folder = given.folder;
    this.url = given.url;
    this.#natsPort = given.natsPort;
  }

  /** Database and store; no coordinator yet. */
  static async prepare(): Promise<Coordinators> {
    const folder = await tempFolder("spell-coordinators-");
    const [database, store] = await Promise.all([startPostgres(), startMinio()]);
    // Nothing listens there: coordinators serve without their event bus.
    return new Coordinators({
      database,
      store,
      folder,
      url: await database.createDatabase(),
      natsPort: await freePort(),
    });
  }

  /** Starts one more, or one again after it has ended. `url`: another way to the database. */
  async start(again?: Member, given: { url?: string; args?: readonly string[] } = {}): Promise<Member> {
    const data = again?.data ?? join(this.#folder.path, `c${this.#members.length}`);
    const [grpc, http] =
      again === undefined ? [await freePort(), await freePort()] : [again.grpc, again.api].map(portOf);
    const args = ["--data", data, "--grpc-port", `${grpc}`, "--http-port", `${http}`];
    args.push("--nats", `nats://127.0.0.1:${this.#natsPort}`, "--log-level", "info", ...(given.args ?? []));
    const { PATH, TMPDIR, SPELL_TEST_RUN } = process.env;
    const started = startServerProcess(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...args], {
      env: {
        ...{ PATH, TMPDIR, SPELL_TEST_RUN, SPELL_DATABASE: given.url ?? this.url },
        ...(given.args === undefined ? this.s3() : {}),
      },
    });
    if (again !== undefined) {
      again.process = started;
      return again;
    }
    const member = new Member({ data, grpc: `127.0.0.1:${grpc}`, api: `http://127.0.0.1:${http}`, process: started });
    this.#members.push(member);
    return member;
  }

  /** Where objects are kept, as variables of a coordinator. */
  s3(): NodeJS.ProcessEnv {
    return {
      SPELL_S3_ENDPOINT: this.#store.endpoint,
      SPELL_S3_ACCESS_KEY: this.#store.accessKey,
      SPELL_S3_SECRET_KEY: this.#store.secretKey,
    };
  }

  /** gRPC addresses of all, with commas between. */
  get addresses(): string {
    return this.#members.map(({ grpc }) => grpc).join(",");
  }

  /** Of the first user: the coordinator that led first has it. */
  get login(): FirstLogin {
    for (const { data } of this.#members) {
      try {
        return JSON.parse(readFileSync(join(data, "coordinator", "login.json"), "utf8")) as FirstLogin;
      } catch {
        // It has not led first.
      }
    }
    throw new Error("no coordinator has led yet");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process: each } of this.#members) {
      // A stopped process takes no other signal.
      each.child.kill("SIGCONT");
      await each.stop("SIGKILL");
    }
    await this.#store.stop();
    await this.database.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1]);
}
