/** Which device files and variables give a run its NVIDIA GPUs and no other. */
import { existsSync, readFileSync, readdirSync } from "node:fs";

/** The machine's GPUs in the order of nvidia-smi (by PCI address): the minor number of each one's device file. */
export function gpuMinors(driverFolder = "/proc/driver/nvidia/gpus"): number[] {
  let addresses: string[];
  try {
    addresses = readdirSync(driverFolder).sort();
  } catch {
    return [];
  }
  return addresses.flatMap((address) => {
    const text = readFileSync(`${driverFolder}/${address}/information`, "utf8");
    const minor = /^Device Minor:\s*(\d+)/m.exec(text)?.[1];
    return minor === undefined ? [] : [Number(minor)];
  });
}

/** Device files that every GPU program needs beside its own GPU's. */
const COMMON_DEVICES = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps"];

/** The device files a run with these GPU indices may open; those of other GPUs stay out of its /dev. */
export function gpuDevices(gpus: readonly number[] | undefined): string[] {
  if (gpus === undefined || gpus.length === 0) return [];
  const minors = gpuMinors();
  const own = gpus.map((index) => `nvidia${minors[index] ?? index}`);
  return [...own, ...COMMON_DEVICES].map((name) => `/dev/${name}`).filter((path) => existsSync(path));
}

/**
 * The variables that go with them. Where the other GPUs' device files are out of sight (`confined`), CUDA counts only
 * those it can open, so the numbers start at 0 again; otherwise they are the machine's own. A run without GPUs on a machine
 * that has some is kept from them; where there are none nothing is set.
 */
export function gpuEnvironment(
  gpus: readonly number[] | undefined,
  options: { confined: boolean; machineHasGpus?: boolean },
): Record<string, string> {
  const hasOwn = gpus !== undefined && gpus.length > 0;
  if (!hasOwn && !(options.machineHasGpus ?? existsSync("/dev/nvidiactl"))) return {};
  // Without this CUDA numbers GPUs by speed, not as nvidia-smi does.
  const order = { CUDA_DEVICE_ORDER: "PCI_BUS_ID" };
  const sorted = [...(gpus ?? [])].sort((a, b) => a - b);
  const visible = options.confined ? sorted.map((_index, position) => position) : sorted;
  return { ...order, CUDA_VISIBLE_DEVICES: visible.join(",") };
}
