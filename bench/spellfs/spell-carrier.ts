/** SpellFS on one of its stores: a farm of its own, and a warm process for each side. */
import { join } from "node:path";
import type { Digest } from "@spell/domain";
import type { Farm } from "../farm.ts";
import { peakMebibytes, resetPeak } from "../processes.ts";
import type { Carrier, Moved } from "./carrier.ts";
import { startWorker } from "./worker-process.ts";
import type { WorkerRequest } from "./worker-process.ts";

export interface SpellCarrier extends Carrier, AsyncDisposable {
  farm: Farm;
  fetch(place: string, target: string): Promise<Moved>;
  /** The tree that lies at the place. */
  rootOf(place: string): Digest;
}

/** `folder` is its own. */
export async function startSpellCarrier(given: {
  name: string;
  farm: Farm;
  folder: string;
  signal: AbortSignal;
}): Promise<SpellCarrier> {
  const { name, farm, folder, signal } = given;
  const coordinator = farm.processes().find((each) => each.name === "coordinator")?.pid;
  if (coordinator === undefined) throw new Error("the farm has no coordinator");
  const places = new Map<string, Digest>();
  const client = await startWorker(farm.environment, signal);
  const perform = async (request: WorkerRequest, worker = client): Promise<Moved & { root: Digest }> => {
    resetPeak(coordinator);
    const { root, steps, sentBytes, peakMebibytes: own } = await worker.perform(request);
    const ms = steps.reduce((sum, [, each]) => sum + each, 0);
    return { root, ms, sentBytes, steps, peaks: [own, peakMebibytes(coordinator)] };
  };
  const rootOf = (place: string): Digest => {
    const root = places.get(place);
    if (root === undefined) throw new Error(`nothing was sent to ${place}`);
    return root;
  };
  return {
    ...{ name, farm, rootOf },
    send: async (source, place) => {
      const moved = await perform({ work: "upload", folder: source, indexes: join(folder, "indexes") });
      places.set(place, moved.root);
      return moved;
    },
    fetch: async (place, target) => {
      // An agent's process is warm, its cache is not.
      await using agent = await startWorker(farm.environment, signal);
      return await perform({ work: "mount", root: rootOf(place), cache: target }, agent);
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
