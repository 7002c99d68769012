/** Everything that a request may leave on a farm, as one value: equal before and after a request that was refused. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Farm } from "./farm.ts";
import { processesWith } from "./processes.ts";

export interface Traces {
  runs: string[];
  /** Files below the farm's folder, but for those that the farm's own parts write all the time. */
  files: string[];
  attempts: string[];
  processes: string[];
}

export async function tracesOf(farm: Farm): Promise<Traces> {
  using client = farm.client();
  return {
    runs: (await client.runs.list({ number: 1_000 })).map(({ id, status }) => `${id} ${status}`),
    files: filesBelow(farm.folder, ["data"]),
    attempts: readdirSync(join(farm.data, "agent", "attempts")),
    processes: processesWith(farm.folder),
  };
}

/** Relative paths of all there is, but for these folders: the attempts' own hold some that may not be looked into. */
function filesBelow(folder: string, except: readonly string[]): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !except.includes(name))
    .flatMap((entry) => {
      const below = entry.isDirectory() ? filesBelow(join(folder, entry.name), []) : [];
      return [entry.name, ...below.map((path) => `${entry.name}/${path}`)];
    })
    .sort();
}
