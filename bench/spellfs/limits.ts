/** What this machine can do at most: hash, write to its disk, and send to itself. */
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { hash } from "node:crypto";
import { join } from "node:path";
import type { Figure } from "../figure.ts";
import { figureTable } from "../figure.ts";
import type { Bench, Section } from "../measurement.ts";
import { timeProcess } from "../time-process.ts";

const MEBIBYTES = 1_024;
const PIECE = Buffer.alloc(1024 * 1024, "x");

export async function measureLimits(bench: Bench): Promise<Section[]> {
  const mebibytes = bench.samples(MEBIBYTES);
  const file = join(bench.folder, "limit");
  const options = { cwd: bench.folder, env: process.env, signal: bench.signal };
  const dd = (words: readonly string[]): Promise<number> =>
    timeProcess("dd", ["bs=1M", "status=none", ...words], options);
  const rate = (name: string, ms: number): Figure => ({
    name,
    unit: "MiB/s",
    p50: mebibytes / (ms / 1000),
    samples: 1,
  });
  const hashStartedAt = performance.now();
  for (let piece = 0; piece < mebibytes; piece += 1) hash("sha256", PIECE);
  const hashMs = performance.now() - hashStartedAt;
  const figures = [
    rate("sha256 (Node's OpenSSL, one thread)", hashMs),
    rate(
      "written and flushed (dd conv=fdatasync)",
      await dd(["if=/dev/zero", `of=${file}`, `count=${mebibytes}`, "conv=fdatasync"]),
    ),
    rate("read from the page cache (dd)", await dd([`if=${file}`, "of=/dev/null"])),
    rate("sent through a socket to itself (one Node)", await loopback(mebibytes)),
  ];
  rmSync(file);
  return [{ title: "The machine's limits", lines: figureTable(figures), figures }];
}

async function loopback(mebibytes: number): Promise<number> {
  const server = createServer((socket) => void socket.resume());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  try {
    const startedAt = performance.now();
    for (let piece = 0; piece < mebibytes; piece += 1) if (!socket.write(PIECE)) await once(socket, "drain");
    socket.end();
    await once(socket, "close");
    return performance.now() - startedAt;
  } finally {
    socket.destroy();
    server.close();
  }
}
