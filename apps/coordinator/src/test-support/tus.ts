/** Uploads of files as the resumable protocol has them. */
import { ask, send } from "./api.ts";
import type { World } from "./world.ts";

/** Begins an upload; gives its id. */
export async function begin(world: World, name: string, more: Record<string, unknown> = {}): Promise<number> {
  const { status, body } = await ask(world, "datasets/ann", { body: { name, cluster_name: null, ...more } });
  if (status !== 200) throw new Error(`the upload was refused: ${JSON.stringify(body)}`);
  return (body["user_dataset"] as { id: number }).id;
}

/** Declares a file. */
export function declare(
  world: World,
  file: { path: string; length: number | string; token?: string },
): Promise<Response> {
  const metadata = `path ${Buffer.from(file.path).toString("base64")}`;
  const headers = { "tus-resumable": "1.0.0", "upload-length": String(file.length), "upload-metadata": metadata };
  return send(world, "datasets/upload", { method: "POST", headers, token: file.token });
}

/** The path of a declared file below /v1. */
export async function locationOf(response: Response): Promise<string> {
  const location = response.headers.get("location");
  if (location === null) throw new Error(`no location: ${await response.text()}`);
  return new URL(location, response.url).pathname.replace(/^\/v1\//, "");
}

/** Sends bytes of a file. */
export function patch(
  world: World,
  location: string,
  given: { offset: number; bytes: string | Uint8Array<ArrayBuffer>; token?: string },
): Promise<Response> {
  return fetch(`${world.api}/v1/${location}`, {
    method: "PATCH",
    headers: {
      authorization: `Bearer ${given.token ?? world.ann}`,
      "content-type": "application/offset+octet-stream",
      "upload-offset": String(given.offset),
    },
    body: given.bytes,
    duplex: "half",
  });
}

/** How much of a file has arrived. */
export async function offsetOf(world: World, location: string): Promise<number> {
  const response = await send(world, location, { method: "HEAD" });
  return Number(response.headers.get("upload-offset"));
}

/** A whole file. */
export async function put(world: World, uploadId: number, path: string, text: string): Promise<void> {
  const location = await locationOf(
    await declare(world, { path: `${uploadId}/${path}`, length: Buffer.byteLength(text) }),
  );
  if (text === "") return;
  const response = await patch(world, location, { offset: 0, bytes: text });
  if (response.status !== 204) throw new Error(`the bytes were refused: ${await response.text()}`);
}

export function complete(world: World, uploadId: number): ReturnType<typeof ask> {
  return ask(world, `datasets/ann/${uploadId}/upload_complete`, { method: "POST" });
}
