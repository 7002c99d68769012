/** What the parts of the contract suite share. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { IncomingMessage, request } from "node:http";
import { pipeline } from "node:stream/promises";
import type { ErrorCode } from "@spell/domain";
import { expect } from "vitest";
import type { ObjectInfo, ObjectStore } from "../object-store.ts";

/** Gives the store under test; only inside tests and hooks. */
export type StoreUnderTest = () => ObjectStore;

/** A folder of keys that no other test uses. */
export function ownFolder(): string {
  return `t/${randomUUID()}`;
}

/** UTF-8 bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes that do not repeat, quick to make. */
export function noise(sizeBytes: number): Uint8Array {
  return randomBytes(sizeBytes);
}

/** For comparing big objects without printing them. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** All objects of a listing. */
export async function listed(store: ObjectStore, prefix: string): Promise<ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for await (const object of store.list(prefix)) objects.push(object);
  return objects;
}

/** Keys of a listing. */
export async function listedKeys(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await listed(store, prefix)).map((object) => object.key);
}

/** Asserts that the operation fails with a SpellError of this code whose message is a sentence. */
export async function expectFailure(code: ErrorCode, operation: () => Promise<unknown>): Promise<void> {
  const error = await operation().then(
    (value) => expect.fail(`expected ${code}, but it succeeded with ${typeof value}`),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "SpellError", code, message: expect.stringMatching(/\S+ \S+ \S+.*\.$/s) });
}

/** PUT by fetch; the status. */
export async function putTo(url: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { method: "PUT", headers, body: Buffer.from(body) });
  await response.arrayBuffer();
  return response.status;
}

/** PUT of a part by fetch; the status, and the part's name. */
export async function putPart(url: string, body: Uint8Array): Promise<{ status: number; etag: string }> {
  const response = await fetch(url, { method: "PUT", body: Buffer.from(body) });
  await response.arrayBuffer();
  return { status: response.status, etag: (response.headers.get("etag") ?? "").replaceAll('"', "") };
}

/** GET by fetch; status, headers and bytes. */
export async function getFrom(
  url: string,
  range?: string,
): Promise<{ status: number; headers: Headers; bytes: Uint8Array }> {
  const response = await fetch(url, range === undefined ? {} : { headers: { Range: range } });
  return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** Begins a PUT that promises `sizeBytes`, sends `sent`, then cuts the connection; returns once it is closed. */
export async function abortUpload(url: string, options: { sizeBytes: number; sent: Uint8Array }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const upload = request(url, { method: "PUT", agent: false, headers: { "Content-Length": options.sizeBytes } });
    upload.on("error", () => undefined);
    upload.on("close", resolve);
    upload.on("response", () => reject(new Error("the server answered before the body was complete")));
    upload.write(options.sent, () => upload.destroy());
  });
}

/** PUT of a body that comes in pieces, with its length declared; the status. */
export async function uploadStream(url: string, body: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<number> {
  const upload = request(url, { method: "PUT", agent: false, headers: { "Content-Length": sizeBytes } });
  const answered = once(upload, "response");
  await Promise.all([pipeline(body, upload), answered]);
  const [response]: unknown[] = await answered;
  if (!(response instanceof IncomingMessage)) throw new Error("no response");
  response.resume();
  return response.statusCode ?? 0;
}
