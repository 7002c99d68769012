/** A real nats-server with JetStream for one test, on a port and folder of its own. */
import { rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { natsServerConfig } from "@spell/event-bus/nats";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";
import type { ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import { toolPath } from "./tool-path.ts";
import { waitFor } from "./wait-for.ts";

export interface NatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:PORT`. */
  url: string;
  token: string;
  port: number;
  storeDir: string;
  /** What the present process printed, for failure messages. */
  output(): string;
  /** Ends it in order; `restart` brings it back. */
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Ends it if it runs and starts it again on the same port and store, unless `loseData` empties the store. */
  restart(options?: { loseData?: boolean }): Promise<void>;
}

/** Starts a server and waits until it accepts connections. The default token is `test-token`. */
export async function startNats(
  options: { port?: number; token?: string; storeDir?: string } = {},
): Promise<NatsServer> {
  const folder = await tempFolder("spell-nats-");
  const port = options.port ?? (await freePort());
  const token = options.token ?? "test-token";
  const storeDir = options.storeDir ?? join(folder.path, "store");
  const configPath = join(folder.path, "nats.conf");
  await writeFile(configPath, natsServerConfig({ port, storeDir, token }));
  let server: ServerProcess | undefined;

  const start = async (): Promise<void> => {
    const started = startServerProcess(toolPath("nats-server"), ["-c", configPath]);
    server = started;
    await waitFor(
      "nats-server to listen",
      () => {
        if (started.child.exitCode !== null) throw new Error(`nats-server ended: ${started.output()}`);
        return /Server is ready/.test(started.output()) && accepts(port);
      },
      { everyMs: 10 },
    );
  };
  const end = (signal?: NodeJS.Signals): Promise<void> => server?.stop(signal) ?? Promise.resolve();
  const dispose = async (): Promise<void> => {
    await end();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    token,
    port,
    storeDir,
    output: () => server?.output() ?? "",
    stop: () => end(),
    kill: () => end("SIGKILL"),
    restart: async ({ loseData = false } = {}) => {
      await end();
      if (loseData) await rm(storeDir, { recursive: true, force: true });
      await start();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
