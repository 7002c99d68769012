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
    files: readdirSync(farm.folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path !== "data" && !path.startsWith("data/"))
      .sort(),
    attempts: readdirSync(join(farm.data, "agent", "attempts")),
    processes: processesWith(farm.folder),
  };
}
