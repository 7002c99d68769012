/** GET and HEAD: an object or one range of it as the answer. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { ByteRange } from "../object-store.ts";
import { noSuchObject } from "../request-limits.ts";
import type { DirectoryStore, OpenObject } from "./directory-store.ts";
import { refuse, refusalOf } from "./http-answer.ts";
import { parseRangeHeader } from "./range-header.ts";

const READ_BYTES = 256 * 1024;
/** What node calls it, too. */
const CLIENT_LEFT = "ERR_STREAM_PREMATURE_CLOSE";

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

/** By two buffers that take turns: fresh ones would leave garbage, for every 64 MiB of which V8 collects its whole heap. */
async function sendBytes({ handle }: OpenObject, range: ByteRange, response: ServerResponse): Promise<void> {
  const buffers = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(READ_BYTES, range.length)));
  const { socket } = response.req;
  let leave = (): void => undefined;
  const left = new Promise<never>((_resolve, reject) => {
    leave = () => reject(Object.assign(new Error("the client left"), { code: CLIENT_LEFT }));
  });
  left.catch(() => undefined);
  // Not that of the answer: one that waits for its turn on the connection is not told.
  socket.once("close", leave);
  if (socket.destroyed) leave();
  const end = range.offset + range.length;
  const read = async (offset: number, [into = Buffer.alloc(0)]: readonly Buffer[]): Promise<Buffer> => {
    const { bytesRead } = await handle.read(into, 0, Math.min(into.length, end - offset), offset);
    return into.subarray(0, bytesRead);
  };
  let reading = read(range.offset, buffers);
  try {
    for (let offset = range.offset; offset < end;) {
      const bytes = await reading;
      if (bytes.length === 0)
        throw new Error(`An object ended at byte ${offset}, where ${end - offset} more were announced.`);
      offset += bytes.length;
      buffers.reverse();
      if (offset < end) reading = read(offset, buffers);
      await Promise.race([write(response, bytes), left]);
    }
  } finally {
    socket.off("close", leave);
    // Nothing may go on reading once the file is closed.
    await Promise.allSettled([reading]);
  }
  response.end();
}

/** Resolves once the bytes are with the system, and their memory is ours again. */
function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
