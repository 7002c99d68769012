/** Where the coordinator serves HTTP. */
import { configurationPath, coordinatorOf, parseAddress, readConfigurationFile } from "@spell/sdk";
import { environment } from "./config.ts";

/** What a variable says, else what the login was told, else beside gRPC. Without a slash at the end. */
export function apiUrl(): string {
  const given = environment["SPELL_BASE_URL"] || environment["SPELL_API_URL"];
  const file = readConfigurationFile(configurationPath(environment));
  const coordinator = parseAddress(coordinatorOf(environment, file));
  const known = coordinator === file.coordinator ? file.api_url : undefined;
  return (given || known || httpAddress(coordinator)).replace(/\/+$/, "");
}

/** HTTP is served one port above gRPC unless somebody chose otherwise. */
export function httpAddress(coordinator: string): string {
  const end = coordinator.lastIndexOf(":");
  return `http://${coordinator.slice(0, end)}:${Number(coordinator.slice(end + 1)) + 1}`;
}
