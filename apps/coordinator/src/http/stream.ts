/** Streams of JSON lines: each line its own chunk, a heartbeat while nothing happens, never a blank line. */
import type { FastifyReply } from "fastify";
import { wireLine } from "./wire.ts";

/** Well below the 120 s after which clients reconnect. */
const HEARTBEAT_MS = 30_000;

export interface LineStream {
  /** Resolves when the client can take more. */
  send(value: unknown): Promise<void>;
  /** Fires when the client has gone. */
  signal: AbortSignal;
  end(): void;
}

/** Takes over the reply; `headers` come on top of the usual ones. */
export function openLineStream(reply: FastifyReply, headers: Record<string, string> = {}): LineStream {
  reply.hijack();
  const response = reply.raw;
  const abort = new AbortController();
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  // The first line may be a long time coming; that the request was accepted is known now.
  response.flushHeaders();
  const heartbeat = setInterval(() => response.write(wireLine({})), HEARTBEAT_MS);
  const leave = (): void => {
    clearInterval(heartbeat);
    abort.abort();
  };
  // The client may have left while the run was looked up; then nobody tells again.
  if (response.destroyed) leave();
  else response.on("close", leave);
  return {
    signal: abort.signal,
    send: async (value) => {
      if (response.destroyed || response.write(wireLine(value))) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          response.off("drain", done);
          response.off("close", done);
          resolve();
        };
        response.once("drain", done);
        response.once("close", done);
      });
    },
    end: () => {
      clearInterval(heartbeat);
      response.end();
    },
  };
}
