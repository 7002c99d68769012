/** The output of a run, mounted by the next stage on the same machine: nothing is copied, whatever its size. */
import { closeSync, mkdirSync, openSync, ftruncateSync, rmSync, statfsSync, writeSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { isDigest } from "@spell/domain";
import type { Bench, Section } from "../measurement.ts";
import { keep } from "./alternate.ts";
import type { Samples } from "./alternate.ts";
import { reportWork } from "./report.ts";
import { startWorker } from "./worker-process.ts";

const BAR_MS = 30;
const ROUNDS = 20;
const SIZES: [name: string, bytes: number][] = [
  ["1 file of 1 MiB", 1024 ** 2],
  ["1 sparse file of 40 GiB", 40 * 1024 ** 3],
];

/**
 * From the moment on at which the output is hashed and recorded. The cache never reads what it is given then, so what the
 * digest says does not matter here; hashing 40 GiB would take half a minute.
 */
export async function measureMountOutput(bench: Bench): Promise<Section[]> {
  const samples: Samples = new Map();
  const folder = join(bench.folder, "outputs");
  mkdirSync(folder);
  await using agent = await startWorker(bench.farm.environment, bench.signal);
  let copiedBytes = 0;
  for (let round = 0; round < bench.samples(ROUNDS); round += 1) {
    for (const [name, sizeBytes] of SIZES) {
      const file = join(folder, "output");
      makeOutput(file, sizeBytes);
      const before = freeBytes(folder);
      const digest = createHash("sha256").update(`${name} ${round}`).digest("hex");
      if (!isDigest(digest)) throw new Error("no digest");
      const cache = join(folder, `cache-${round}`);
      const { steps, peakMebibytes } = await agent.perform({ work: "adopt", file, digest, cache });
      copiedBytes = Math.max(copiedBytes, before - freeBytes(folder));
      keep(samples, name, { ms: steps.reduce((sum, [, ms]) => sum + ms, 0), steps, peaks: [peakMebibytes] });
      rmSync(file);
      rmSync(cache, { recursive: true });
    }
  }
  const section = reportWork("Output mounted on the same machine", samples, {
    ours: SIZES.map(([name]) => name),
    barMs: BAR_MS,
  });
  const remark = `0 bytes copied: the mounted file is the one that was written. Space used on the disk: at most ${Math.round(copiedBytes / 1024)} KiB, with whatever else happens there.`;
  return [{ ...section, lines: [...section.lines, remark] }];
}

function makeOutput(path: string, sizeBytes: number): void {
  const file = openSync(path, "wx");
  ftruncateSync(file, sizeBytes);
  writeSync(file, "output");
  closeSync(file);
}

function freeBytes(folder: string): number {
  const { bfree, bsize } = statfsSync(folder);
  return bfree * bsize;
}
