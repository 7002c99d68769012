/** Servers that peers talk to: rsync's own daemon, and restic's protocol as rclone serves it. */
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { freePort, startServerProcess, waitFor } from "@spell/testing";
import type { ServerProcess } from "@spell/testing";

export interface PeerServer extends AsyncDisposable {
  url: string;
}

/** Serves a folder that it makes as the module `files`. */
export async function startRsyncDaemon(folder: string): Promise<PeerServer> {
  const files = join(folder, "files");
  await mkdir(files, { recursive: true });
  const port = await freePort();
  const config = join(folder, "rsyncd.conf");
  // As whoever runs it: without the lines on users the daemon wants to become nobody when root starts it.
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? ["uid = 0", "gid = 0"] : [];
  const lines = [`pid file = ${join(folder, "rsyncd.pid")}`, "use chroot = no", ...owner, "[files]", `path = ${files}`];
  await writeFile(config, [...lines, "read only = no", ""].join("\n"));
  const args = ["--daemon", "--no-detach", "--address=127.0.0.1", `--port=${port}`, `--config=${config}`];
  return await serving(startServerProcess("rsync", args), port, `rsync://127.0.0.1:${port}/files`);
}

/** Serves a folder that it makes to restic. */
export async function startRestServer(folder: string): Promise<PeerServer> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const args = ["serve", "restic", "--config", "/dev/null", "--addr", `127.0.0.1:${port}`, folder];
  return await serving(startServerProcess("rclone", args), port, `rest:http://127.0.0.1:${port}/`);
}

async function serving(server: ServerProcess, port: number, url: string): Promise<PeerServer> {
  try {
    await waitFor(`a server on port ${port}`, () => answers(port), { timeoutMs: 10_000 });
  } catch (error) {
    await server.stop();
    throw new Error(`${url} is not served: ${server.output()}`, { cause: error });
  }
  return { url, [Symbol.asyncDispose]: () => server.stop() };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
