/** A real MinIO for tests: free port, random credentials, data in a temp folder; it phones nowhere. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";
import type { ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import { toolPath } from "./tool-path.ts";
import { waitFor } from "./wait-for.ts";

export interface MinioServer extends AsyncDisposable {
  /** `http://<address>:<port>` */
  endpoint: string;
  accessKey: string;
  secretKey: string;
  /** Its process, for tests that pause or kill it. */
  readonly process: ServerProcess;
  /** Starts it again after it was killed: the same data, address and credentials. */
  startAgain(): Promise<void>;
  /** Ends it and removes its data; idempotent. */
  stop(): Promise<void>;
}

/** Another process may take the free port before MinIO does. */
const START_ATTEMPTS = 3;

export interface MinioOptions {
  /** IP address to serve. Default: 127.0.0.1. */
  address?: string;
  /** A command prefix that enters another network namespace, in which the server lives then. */
  enter?: readonly string[];
}

/** Starts MinIO on an IP address of this machine; ready when S3 requests are answered. */
export async function startMinio(options: MinioOptions = {}): Promise<MinioServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (attempt === START_ATTEMPTS || !String(error).includes("in use")) throw error;
    }
  }
}

async function startOnce({ address = "127.0.0.1", enter = [] }: MinioOptions): Promise<MinioServer> {
  const [program = "", ...first] = [...enter, toolPath("minio")];
  const folder = await tempFolder("spell-minio-");
  const accessKey = `test${randomBytes(8).toString("hex")}`;
  const secretKey = randomBytes(20).toString("hex");
  const host = `${address}:${await freePort()}`;
  const endpoint = `http://${host}`;
  const args = [
    ...first,
    "server",
    "--address",
    host,
    "--certs-dir",
    join(folder.path, "certs"),
    join(folder.path, "data"),
  ];
  // Nothing of the caller's environment: it may hold MINIO_* or proxy settings.
  const env = {
    PATH: process.env["PATH"],
    HOME: folder.path,
    TMPDIR: folder.path,
    MINIO_ROOT_USER: accessKey,
    MINIO_ROOT_PASSWORD: secretKey,
    MINIO_BROWSER: "off",
    MINIO_UPDATE: "off",
    MINIO_CALLHOME_ENABLE: "off",
  };
  let server = startServerProcess(program, args, { env });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= server.stop().finally(() => folder[Symbol.asyncDispose]()));
  try {
    await untilReady(server, { endpoint, enter });
  } catch (error) {
    await stop();
    throw new Error(`MinIO did not start: ${String(error)}\n${server.output()}`, { cause: error });
  }
  const startAgain = async (): Promise<void> => {
    server = startServerProcess(program, args, { env });
    await untilReady(server, { endpoint, enter });
  };
  return {
    ...{ endpoint, accessKey, secretKey, startAgain, stop },
    get process() {
      return server;
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Ready is when the S3 API itself refuses an unsigned request; before that MinIO answers 503 or nothing. */
async function untilReady(
  server: ServerProcess,
  { endpoint, enter }: { endpoint: string; enter: readonly string[] },
): Promise<void> {
  const state = await waitFor(
    "MinIO to answer an S3 request",
    async () => {
      if (server.child.exitCode !== null || server.child.signalCode !== null) return "exited" as const;
      return (await ask(endpoint, enter)).includes("<Code>AccessDenied</Code>") && ("ready" as const);
    },
    { timeoutMs: 60_000 },
  );
  if (state === "exited") throw new Error("it exited");
}

/** The body of the answer to an unsigned request, made where the server lives. */
async function ask(endpoint: string, enter: readonly string[]): Promise<string> {
  const [program, ...first] = enter;
  if (program === undefined) return (await fetch(endpoint)).text();
  const script = "process.stdout.write(await (await fetch(process.argv[1])).text())";
  const args = [...first, process.execPath, "--input-type=module", "-e", script, endpoint];
  return (await promisify(execFile)(program, args, { timeout: 5_000 })).stdout;
}
