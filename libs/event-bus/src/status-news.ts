/** Status news as bytes and back. */
import type { StatusNews } from "./event-bus.ts";
import { runIdOfSubject } from "./subjects.ts";

/** The news in a message; undefined when the message is none, or speaks of another run than its subject. */
export function parseStatusNews(subject: string, payload: Uint8Array): StatusNews | undefined {
  if (payload.length > 4096) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { runId, status, version } = value as Partial<Record<keyof StatusNews, unknown>>;
  if (typeof runId !== "number" || runId !== runIdOfSubject(subject)) return undefined;
  if (typeof status !== "string" || typeof version !== "number" || !Number.isSafeInteger(version)) return undefined;
  return { runId, status, version };
}
