/** GET and HEAD: an object or one range of it as the answer. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { ByteRange } from "../object-store.ts";
import { noSuchObject } from "../request-limits.ts";
import type { DirectoryStore, OpenObject } from "./directory-store.ts";
import { refuse, refusalOf } from "./http-answer.ts";
import { parseRangeHeader } from "./range-header.ts";

const READ_BYTES = 256 * 1024;

/** Sends the object: 200 or 206 with its bytes, 404 when absent, 416 when the range is outside. */
export async function sendObject(options: {
  store: DirectoryStore;
  key: string;
  request: IncomingMessage;
  response: ServerResponse;
}): Promise<void> {
  const { store, key, request, response } = options;
  const object = await store.open(key);
  if (object === undefined) return refuse(request, response, refusalOf(noSuchObject(key)));
  try {
    const { sizeBytes } = object;
    const requested = parseRangeHeader(request.headers.range, sizeBytes);
    if (requested.kind === "unsatisfiable") {
      const message = `The range ${request.headers.range} is outside the object "${key}" of ${sizeBytes} bytes.`;
      const headers = { "Content-Range": `bytes */${sizeBytes}` };
      return await refuse(request, response, {
        status: 416,
        code: "invalid-input",
        reason: "bad-range",
        message,
        headers,
      });
    }
    const range = requested.kind === "part" ? requested.range : { offset: 0, length: sizeBytes };
    response.writeHead(requested.kind === "part" ? 206 : 200, {
      ...SAFE_HEADERS,
      "Content-Length": range.length,
      ...(requested.kind === "part" ? { "Content-Range": contentRange(range, sizeBytes) } : {}),
    });
    if (request.method === "HEAD" || range.length === 0) response.end();
    else await sendBytes(object, range, response);
  } finally {
    await object.handle.close();
  }
}

/** Objects are bytes of users on the coordinator's own origin: no browser may take them for a page. */
const SAFE_HEADERS: OutgoingHttpHeaders = {
  "Accept-Ranges": "bytes",
  "Content-Type": "application/octet-stream",
  "Content-Disposition": "attachment",
  "X-Content-Type-Options": "nosniff",
};

function contentRange(range: ByteRange, sizeBytes: number): string {
  return `bytes ${range.offset}-${range.offset + range.length - 1}/${sizeBytes}`;
}

async function sendBytes({ handle }: OpenObject, range: ByteRange, response: ServerResponse): Promise<void> {
  const end = range.offset + range.length - 1;
  const stream = handle.createReadStream({ start: range.offset, end, autoClose: false, highWaterMark: READ_BYTES });
  await pipeline(stream, response);
}
