/**
 * The metrics service of this machine's runs: HTTP on the loopback, which sandboxes share. A run finds it by `SPELL_METRICS`, whose
 * path holds a token of its attempt alone. Processes keep that address in their environment, so the port outlives the agent: it is
 * written down and taken again.
 */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { SpellError, messageOf } from "@spell/domain";
import type { ErrorCode } from "@spell/domain";
import type { Lease } from "@spell/rpc";
import type { LineTaker } from "./receive-lines.ts";
import { LINES, MAX_POINT_BYTES, receiveLines, streamPlace } from "./receive-lines.ts";

/** A client that sends a point now and then keeps its connection so long, milliseconds. */
const KEEP_ALIVE_MS = 65_000;
/** An agent before this one may be about to end. */
const PORT_WAIT_MS = 2_000;
const STREAM_WAIT_MS = 2_000;
const HOST = "127.0.0.1";
const PATH = /^\/metrics\/([0-9a-f]{32})\/user-metrics$/;

/** What the historical client does: with 400 it shows the text, with others a sentence of its own. */
const HTTP_STATUS: Partial<Record<ErrorCode, number>> = { "invalid-input": 400, conflict: 410, exhausted: 429 };

/** What an attempt does with what its run sends; throws a SpellError that the sender gets to read. */
export interface PointTaker extends LineTaker {
  post(body: string): void;
}

export class MetricServer {
  readonly #server: Server;
  readonly #takers = new Map<string, PointTaker>();
  /** Streams under way, by the token of their attempt. */
  readonly #streams = new Map<string, Set<Promise<void>>>();

  constructor() {
    // A stream that pauses is not read ahead.
    const options = { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 30_000, highWaterMark: 1 };
    this.#server = createServer(options, (request, response) => this.#receive(request, response));
    this.#server.maxConnections = 4_000;
  }

  /**
   * Listens at the port of the agent's former life if that can be had; `portFile` remembers it. To be called when the attempts of
   * that life are registered: their runs would be told that they had ended.
   */
  async listen(portFile: string): Promise<void> {
    await this.#listen(rememberedPort(portFile));
    writeFileSync(portFile, `${this.#port}\n`, { mode: 0o600 });
  }

  /** What `SPELL_METRICS` says to the run of this attempt. */
  addressFor(lease: Lease): string {
    return `${HOST}:${this.#port}/metrics/${tokenOf(lease)}`;
  }

  /** From now on this attempt's points are taken so; ends by what it gives back. */
  register(lease: Lease, taker: PointTaker): () => void {
    const token = tokenOf(lease);
    this.#takers.set(token, taker);
    return () => {
      if (this.#takers.get(token) === taker) this.#takers.delete(token);
    };
  }

  /** Resolves once everything was read that an attempt's processes, which have ended, had written before. */
  async received(lease: Lease): Promise<void> {
    const token = tokenOf(lease);
    // What lies in the kernel is read in the turn that comes next; the present one may be past its reading.
    for (let turn = 0; turn < 2; turn += 1) await nextTurn();
    const giveUp = new AbortController();
    // A process that outlives its run, outside of it, may hold a connection.
    const tooLong = delay(STREAM_WAIT_MS, undefined, { signal: giveUp.signal, ref: false }).catch(() => undefined);
    await Promise.race([Promise.all([...(this.#streams.get(token) ?? [])]), tooLong]);
    giveUp.abort();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #listen(wanted: number): Promise<void> {
    const giveUpAt = Date.now() + PORT_WAIT_MS;
    for (let port = wanted; ;) {
      try {
        this.#server.listen(port, HOST);
        await once(this.#server, "listening");
        return;
      } catch (error) {
        if (port === 0)
          throw new SpellError("unavailable", `Cannot serve metrics: ${messageOf(error)}.`, { cause: error });
        // Taken by somebody else for good: runs that are under way lose their metrics, and nothing more.
        if (Date.now() > giveUpAt) port = 0;
        else await delay(50);
      }
    }
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const token = PATH.exec(request.url ?? "")?.[1] ?? "";
    const taker = this.#takers.get(token);
    if (taker === undefined || request.method !== "POST") {
      answer(response, 404, "There is no run under way here: post to http://$SPELL_METRICS/user-metrics.");
    } else if (request.headers["content-type"] !== LINES) receivePoint(request, response, taker);
    else this.#receiveStream(token, { request, response, taker });
  }

  #receiveStream(
    token: string,
    { request, response, taker }: { request: IncomingMessage; response: ServerResponse; taker: PointTaker },
  ): void {
    const place = streamPlace(request.headers);
    if (place === undefined) {
      answer(response, 400, "A stream of metrics needs the headers Spell-Sender and Spell-First.");
      return;
    }
    const answerStream = (problem: SpellError | undefined, next: number): void => {
      response.setHeader("spell-taken", next);
      // Before its end there is no other request to be read.
      if (!request.complete) response.setHeader("connection", "close");
      if (problem === undefined) answer(response, 200, "");
      else answer(response, statusOf(problem), problem.message);
    };
    const own = this.#streams.get(token) ?? new Set();
    this.#streams.set(token, own);
    const over = receiveLines(request, { place, taker, answer: answerStream }).then(() => {
      own.delete(over);
      if (own.size === 0) this.#streams.delete(token);
    });
    own.add(over);
  }
}

function receivePoint(request: IncomingMessage, response: ServerResponse, taker: PointTaker): void {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  request.on("data", (part: Buffer) => {
    sizeBytes += part.length;
    if (sizeBytes <= MAX_POINT_BYTES) parts.push(part);
  });
  request.on("end", () => {
    if (sizeBytes > MAX_POINT_BYTES) {
      answer(response, 413, `A metric has at most ${MAX_POINT_BYTES} bytes.`);
      return;
    }
    try {
      taker.post(Buffer.concat(parts).toString());
      answer(response, 200, "");
    } catch (error) {
      answer(response, error instanceof SpellError ? statusOf(error) : 500, messageOf(error));
    }
  });
}

function statusOf({ code }: SpellError): number {
  return HTTP_STATUS[code] ?? 503;
}

/** Known to the agent from the lease alone, also after a restart, and to nobody else but the run. */
function tokenOf({ runId, attempt, token }: Lease): string {
  return createHmac("sha256", token).update(`metrics of ${runId}/${attempt}`).digest("hex").slice(0, 32);
}

function answer(response: ServerResponse, status: number, sentence: string): void {
  const body = status === 200 ? "{}" : `${sentence}\n`;
  const type = status === 200 ? "application/json" : "text/plain; charset=utf-8";
  const sizeBytes = Buffer.byteLength(body);
  response
    .writeHead(status, {
      "content-type": type,
      "content-length": sizeBytes,
      "accept-post": `application/json, ${LINES}`,
    })
    .end(body);
}

/** 0, any that is free, when there is none. */
function rememberedPort(file: string): number {
  try {
    const port = Number(readFileSync(file, "utf8"));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
  } catch {
    return 0;
  }
}
