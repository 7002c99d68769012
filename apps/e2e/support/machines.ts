/**
 * Several machines on one: a network namespace each, joined pairwise by a cable. A namespace is held by a process and gone with
 * it, so nothing of it can stay. Needs root.
 */
import { execFileSync } from "node:child_process";
import { startServerProcess, waitFor } from "@spell/testing";
import type { ServerProcess } from "@spell/testing";

export interface Machine {
  /** Where the other machine reaches it. */
  address: string;
  /** Command prefix that runs a command there. */
  enter: readonly string[];
}

/** Why no machines can be made here; undefined when they can. */
export const missingMachines: string | undefined =
  process.getuid?.() === 0 ? undefined : "only root may make network namespaces";

export interface TwoMachines extends AsyncDisposable {
  first: Machine;
  second: Machine;
}

/** Addresses for documentation: no real network has them. */
const ADDRESSES = ["192.0.2.1", "192.0.2.2"] as const;

export async function twoMachines(): Promise<TwoMachines> {
  const holders: ServerProcess[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(holders.map((holder) => holder.stop("SIGKILL")));
  };
  try {
    const pids: number[] = [];
    for (const address of ADDRESSES) {
      const holder = startServerProcess("unshare", ["--net", "sh", "-c", "echo made; exec sleep infinity"]);
      holders.push(holder);
      await waitFor(`the namespace of ${address}`, () => holder.output().includes("made"));
      pids.push(holder.child.pid ?? 0);
    }
    const [one = 0, two = 0] = pids;
    ip([], `link add cable netns ${one} type veth peer name cable netns ${two}`);
    const machines = ADDRESSES.map((address, index): Machine => {
      const enter = ["nsenter", "--target", String(pids[index]), "--net", "--"];
      for (const args of [`addr add ${address}/24 dev cable`, "link set cable up", "link set lo up"]) ip(enter, args);
      return { address, enter };
    });
    const [first, second] = machines;
    if (first === undefined || second === undefined) throw new Error("two machines were made");
    return { first, second, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function ip(enter: readonly string[], args: string): void {
  const [program = "", ...rest] = [...enter, "ip", ...args.split(" ")];
  execFileSync(program, rest, { stdio: "pipe" });
}
