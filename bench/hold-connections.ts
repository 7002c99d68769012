/** Many clients that each ask once and hold their connection until they are told that what they wait for is there. */
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { wallClock } from "./wall-clock.ts";

export interface HoldOptions {
  url: string;
  headers?: Record<string, string>;
  body?: string;
  count: number;
  signal: AbortSignal;
}

/** So many at a time, that a busy machine can accept them all. */
const AT_ONCE = 100;
const VERDICT = '"success":true';

/** Resolves when all of them are held; `all` gives the moment (Unix time) at which each was told. */
export async function holdConnections(options: HoldOptions): Promise<{ all: Promise<number[]> }> {
  const clock = wallClock();
  const told: Promise<number>[] = [];
  while (told.length < options.count) {
    const some = Math.min(AT_ONCE, options.count - told.length);
    const responses = await Promise.all(Array.from({ length: some }, () => open(options)));
    told.push(...responses.map((response) => heardLater(verdictOf(response, clock))));
  }
  return { all: heardLater(Promise.all(told)) };
}

/** A failure is told to whoever waits in the end; nobody does yet. */
function heardLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** Until the head of the answer is there. */
async function open({ url, headers, body, signal }: HoldOptions): Promise<IncomingMessage> {
  // A connection of its own, as a process of its own would have.
  const asked = request(url, { method: "POST", headers, agent: false, signal });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  // Told by the answer, too, when it breaks later.
  asked.on("error", () => undefined);
  if (response.statusCode !== 200) throw new Error(`a client that waits was answered with ${response.statusCode}`);
  return response;
}

async function verdictOf(response: IncomingMessage, clock: () => number): Promise<number> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) {
    text += String(chunk);
    if (text.includes(VERDICT)) return clock();
  }
  throw new Error(`a client that waits was told: ${text}`);
}
