/** A link in the JSON that the historical clients parse. */
import type { LinkRecord } from "@spell/run-store";
import { wireTime } from "./wire.ts";

export function wireLink({ alias, resourcePath, createdAtMs }: LinkRecord): Record<string, unknown> {
  return { alias, resource_path: resourcePath, created_at: wireTime(createdAtMs) };
}
