/** The machine's GPUs, as nvidia-smi lists them. That takes seconds on some machines, so what it said is kept until the next boot. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { writeJson } from "./write-json.ts";

export interface Gpu {
  index: number;
  /** Machine type name: `H200`, `V100`, `RTX-4090`. */
  machineType: string;
}

interface KnownGpus {
  bootId: string;
  gpus: Gpu[];
}

/** The GPUs, at once when they are known of this boot; `found` is what there is now. */
export async function openGpus(options: {
  dataDir: string;
  bootId: string;
  environment: NodeJS.ProcessEnv;
}): Promise<{ known: Gpu[]; found: Promise<Gpu[]> }> {
  const { dataDir, bootId, environment } = options;
  const path = join(dataDir, "gpus.json");
  const kept = await readKnown(path);
  const found = findGpus(environment).then(async (gpus) => {
    await writeJson(path, { bootId, gpus } satisfies KnownGpus, { flush: false }).catch(() => undefined);
    return gpus;
  });
  return { known: kept?.bootId === bootId ? kept.gpus : await found, found };
}

async function readKnown(path: string): Promise<KnownGpus | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as KnownGpus;
  } catch {
    return undefined; // Not yet, or not whole: they are found again.
  }
}

/** No GPUs when there is no nvidia-smi or it finds none; a hanging driver must not keep the agent from starting. */
async function findGpus(environment: NodeJS.ProcessEnv): Promise<Gpu[]> {
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", ["--query-gpu=index,name", "--format=csv,noheader"], {
      timeout: 10_000,
      env: environment,
    });
    return parseGpus(stdout);
  } catch {
    return [];
  }
}

/** Parses lines such as `0, NVIDIA H200`. */
export function parseGpus(listing: string): Gpu[] {
  return listing.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s*,\s*(.+?)\s*$/.exec(line);
    return match?.[2] === undefined ? [] : [{ index: Number(match[1]), machineType: machineTypeOf(match[2]) }];
  });
}

/** The model alone where it is one word (`Tesla V100-SXM2-16GB` is a V100); otherwise the whole name, joined by dashes. */
export function machineTypeOf(gpuName: string): string {
  const model = gpuName.replace(/^(NVIDIA|Tesla|GeForce|Quadro)\s+/i, "").replace(/^(Tesla|GeForce|Quadro)\s+/i, "");
  const word = /^[A-Z]{1,3}\d+[A-Z]?(?=$|[\s-])/i.exec(model)?.[0];
  return word ?? model.replace(/[^A-Za-z0-9._]+/g, "-");
}
