/** HTTP byte by byte, for what a well-behaved client cannot send and for how the answer is cut into chunks. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { waitFor } from "@spell/testing";
import type { World } from "./world.ts";

/** An open connection. */
export interface RawConnection extends Disposable {
  socket: Socket;
  /** All that has come so far. */
  received(): string;
  /** Resolves once that is so. */
  sees(pattern: RegExp): Promise<void>;
}

/** Connects and sends the bytes. */
export async function openRaw(world: World, bytes: string): Promise<RawConnection> {
  const socket = connect(Number(new URL(world.api).port), "127.0.0.1");
  let received = "";
  socket.setEncoding("latin1").on("data", (text: string) => (received += text));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(bytes);
  return {
    socket,
    received: () => received,
    sees: async (pattern) => {
      await waitFor(`${pattern} in ${received}`, () => pattern.test(received), { everyMs: 5 });
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Sends the bytes and reads until the server closes the connection. */
export async function exchange(world: World, bytes: string): Promise<string> {
  using connection = await openRaw(world, bytes);
  if (!connection.socket.closed) await once(connection.socket, "close");
  return connection.received();
}

/** A request with a JSON body after which the connection is closed. */
export function rawPost(world: World, path: string, body: unknown): string {
  const json = JSON.stringify(body);
  return [
    `POST /v1/${path} HTTP/1.1`,
    "Host: spell",
    "Connection: close",
    `Authorization: Bearer ${world.ann}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(json)}`,
    "",
    json,
  ].join("\r\n");
}

/** The chunks of an answer with `Transfer-Encoding: chunked`. */
export function chunksOf(answer: string): string[] {
  const chunks: string[] = [];
  let rest = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  for (;;) {
    const lineEnd = rest.indexOf("\r\n");
    const length = Number.parseInt(rest.slice(0, lineEnd), 16);
    if (!(length > 0)) return chunks;
    chunks.push(rest.slice(lineEnd + 2, lineEnd + 2 + length));
    rest = rest.slice(lineEnd + 2 + length + 2);
  }
}
