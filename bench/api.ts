/** Where a farm serves HTTP, and as whom it is asked. */
import { configurationPath, readConfigurationFile } from "@spell/sdk";
import type { Farm } from "./farm.ts";

export interface Api {
  /** Without the version. */
  url: string;
  /** Of the runs of the farm's user. */
  runs: string;
  headers: { authorization: string; "content-type": string };
}

export function apiOf(farm: Farm): Api {
  const path = configurationPath(farm.environment);
  const { api_url: url, token, owner, user_name: userName } = readConfigurationFile(path);
  const name = owner ?? userName;
  if (url === undefined || token === undefined || name === undefined) throw new Error(`no complete login in ${path}`);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return { url, runs: `${url}/v1/runs/${encodeURIComponent(name)}`, headers };
}
