/** Where the coordinator serves HTTP. */
import { configurationPath, coordinatorOf, parseAddresses, readConfigurationFile } from "@spell/sdk";
import { environment } from "./config.ts";

/** How long a coordinator is waited for to say whether it leads, milliseconds. */
const READY_WITHIN_MS = 1_500;

/** Without a slash at the end. Of several coordinators the one that leads, or else the first. */
export async function apiUrl(): Promise<string> {
  const [first = "", ...others] = apiUrls();
  if (others.length === 0) return first;
  for (const url of [first, ...others]) if (await leads(url)) return url;
  return first;
}

async function leads(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_WITHIN_MS) })).ok;
  } catch {
    return false;
  }
}

/** What a variable says, else what the login was told, else beside gRPC. */
function apiUrls(): string[] {
  const given = environment["SPELL_BASE_URL"] || environment["SPELL_API_URL"];
  const file = readConfigurationFile(configurationPath(environment));
  const coordinator = parseAddresses(coordinatorOf(environment, file)).join(",");
  const known = coordinator === file.coordinator ? file.api_url : undefined;
  return (given || known || httpAddresses(coordinator)).split(",").map((url) => url.trim().replace(/\/+$/, ""));
}

/** HTTP is served one port above gRPC unless somebody chose otherwise. Of several, with commas between as they come. */
export function httpAddresses(coordinators: string): string {
  return coordinators.split(",").map(httpAddress).join(",");
}

function httpAddress(coordinator: string): string {
  const end = coordinator.lastIndexOf(":");
  return `http://${coordinator.slice(0, end)}:${Number(coordinator.slice(end + 1)) + 1}`;
}
