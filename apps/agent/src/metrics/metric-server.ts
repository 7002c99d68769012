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
import { setTimeout as delay } from "node:timers/promises";
import { SpellError, messageOf } from "@spell/domain";
import type { ErrorCode } from "@spell/domain";
import type { Lease } from "@spell/rpc";

/** The longest text, escaped to the last character, and all around it. */
const MAX_BODY_BYTES = 64 * 1024;
/** A client that sends a point now and then keeps its connection so long, milliseconds. */
const KEEP_ALIVE_MS = 65_000;
/** An agent before this one may be about to end. */
const PORT_WAIT_MS = 2_000;
const HOST = "127.0.0.1";
const PATH = /^\/metrics\/([0-9a-f]{32})\/user-metrics$/;

/** What the historical client does: with 400 it shows the text, with others a sentence of its own. */
const HTTP_STATUS: Partial<Record<ErrorCode, number>> = { "invalid-input": 400, conflict: 410, exhausted: 429 };

/** Takes the body of a post; throws a SpellError that the sender gets to read. */
export type TakePoint = (body: string) => void;

export class MetricServer {
  readonly #server: Server;
  readonly #takers = new Map<string, TakePoint>();

  /** Listens at the port of the agent's former life if that can be had; `portFile` remembers it. */
  static async start(portFile: string): Promise<MetricServer> {
    const metrics = new MetricServer();
    await metrics.#listen(rememberedPort(portFile));
    writeFileSync(portFile, `${metrics.#port}\n`, { mode: 0o600 });
    return metrics;
  }

  private constructor() {
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 30_000 }, (request, response) =>
      this.#receive(request, response),
    );
    this.#server.maxConnections = 4_000;
  }

  /** What `SPELL_METRICS` says to the run of this attempt. */
  addressFor(lease: Lease): string {
    return `${HOST}:${this.#port}/metrics/${tokenOf(lease)}`;
  }

  /** From now on this attempt's points are taken so; ends by what it gives back. */
  register(lease: Lease, take: TakePoint): () => void {
    const token = tokenOf(lease);
    this.#takers.set(token, take);
    return () => {
      if (this.#takers.get(token) === take) this.#takers.delete(token);
    };
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
    const token = PATH.exec(request.url ?? "")?.[1];
    const take = token === undefined ? undefined : this.#takers.get(token);
    if (take === undefined || request.method !== "POST") {
      answer(response, 404, "There is no run under way here: post to http://$SPELL_METRICS/user-metrics.");
      return;
    }
    const parts: Buffer[] = [];
    let sizeBytes = 0;
    request.on("data", (part: Buffer) => {
      sizeBytes += part.length;
      if (sizeBytes <= MAX_BODY_BYTES) parts.push(part);
    });
    request.on("end", () => {
      if (sizeBytes > MAX_BODY_BYTES) answer(response, 413, `A metric has at most ${MAX_BODY_BYTES} bytes.`);
      else this.#take(take, Buffer.concat(parts).toString(), response);
    });
  }

  #take(take: TakePoint, body: string, response: ServerResponse): void {
    try {
      take(body);
      answer(response, 200, "");
    } catch (error) {
      const status = error instanceof SpellError ? (HTTP_STATUS[error.code] ?? 503) : 500;
      answer(response, status, messageOf(error));
    }
  }
}

/** Known to the agent from the lease alone, also after a restart, and to nobody else but the run. */
function tokenOf({ runId, attempt, token }: Lease): string {
  return createHmac("sha256", token).update(`metrics of ${runId}/${attempt}`).digest("hex").slice(0, 32);
}

function answer(response: ServerResponse, status: number, sentence: string): void {
  const body = status === 200 ? "{}" : `${sentence}\n`;
  const type = status === 200 ? "application/json" : "text/plain; charset=utf-8";
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
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
