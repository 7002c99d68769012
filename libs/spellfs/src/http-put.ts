/**
 * One PUT over Node's own HTTP. `fetch` takes a body faster than the server does and keeps what waits in memory, and does not
 * tell when a piece has left; here each piece is known to have left before its memory is used again.
 */
import { startRequest, textOf } from "./http-connections.ts";

/** The server's answer. */
export interface PutAnswer {
  status: number;
  text: string;
  /** The header, without its quotes. */
  etag: string;
}

/**
 * Sends the pieces, whose bytes may change once two further ones were asked for, and gives the answer. A server may answer before it has
 * everything; then the rest stays here. Throws what the source throws, the system's errors, or the signal's reason.
 */
export async function httpPut(given: {
  url: string;
  sizeBytes: number;
  headers?: Record<string, string>;
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  onPiece: (bytes: number) => void;
  signal: AbortSignal;
}): Promise<PutAnswer> {
  const { url, sizeBytes, headers, pieces, onPiece, signal } = given;
  signal.throwIfAborted();
  const request = startRequest(url, {
    method: "PUT",
    headers: { "content-length": sizeBytes, "content-type": "application/octet-stream", ...headers },
  });
  const answer = Promise.withResolvers<PutAnswer>();
  answer.promise.catch(() => undefined); // Awaited below, perhaps after it has failed.
  let isOver = false;
  let wake = (): void => undefined;
  const over = (): void => {
    isOver = true;
    wake();
  };
  const abort = (): void => void request.destroy(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  request.on("error", (error) => {
    answer.reject(error);
    over();
  });
  request.once("response", (response) => {
    const status = response.statusCode ?? 0;
    const etag = (response.headers.etag ?? "").replaceAll('"', "");
    textOf(response).then((text) => answer.resolve({ status, text, etag }), answer.reject);
    over();
  });
  const write = (piece: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
      if (isOver) resolve();
      else request.write(piece, () => resolve());
    });
  try {
    let leaving = Promise.resolve();
    let leavingBytes = 0;
    for await (const piece of pieces) {
      await leaving;
      if (leavingBytes > 0) onPiece(leavingBytes);
      if (isOver) break;
      leaving = write(piece);
      leavingBytes = piece.length;
    }
    if (!isOver) request.end();
    return await answer.promise;
  } catch (error) {
    request.destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", abort);
    // After an early answer nobody wants the rest: the connection cannot be used again.
    if (!request.writableEnded) request.destroy();
  }
}
