/** A run of Ann's that ended with outputs, without an agent. */
import type { World } from "./world.ts";
import { newRun } from "./api.ts";
import { commitFiles } from "./trees.ts";

/** Gives its id. */
export async function endedRun(world: World, files: Record<string, string>): Promise<number> {
  const { store } = world.services;
  const id = await newRun(world);
  const outputTree = await commitFiles(world, files);
  const run = await store.findRun(id);
  const change = {
    status: "complete",
    reasonCode: "exit-code",
    reason: "Over.",
    endedAtMs: 9_000,
    outputTree,
  } as const;
  await store.updateRun(id, run?.version ?? 0, change);
  return id;
}
