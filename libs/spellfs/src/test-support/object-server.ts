/** A small HTTP server that keeps objects in memory and misbehaves on request: the object store of the tests. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** What the server does with the next requests of a method, once each, before it behaves again. */
export type Fault =
  | { kind: "status"; status: number }
  /** Closes the connection after this many bytes of the answer, or of what is put. */
  | { kind: "cut"; afterBytes: number }
  /** Sends this many bytes and then nothing more; takes so many of what is put. */
  | { kind: "stall"; afterBytes: number }
  /** Answers at once, and leaves what is put where it is. */
  | { kind: "early"; status: number }
  /** Answers with one byte turned. */
  | { kind: "corrupt" }
  /** Sends everything instead of the range. */
  | { kind: "ignore-range" }
  /** Takes the request and never answers. */
  | { kind: "hang" }
  /** Puts the object, and the answer is lost. */
  | { kind: "lost" };

/** The server and what it has seen. */
export class ObjectServer implements AsyncDisposable {
  readonly objects = new Map<string, Buffer>();
  readonly requests: { method: string; key: string; range?: string; contentLength?: string; encoding?: string }[] = [];
  readonly faults: { PUT: Fault[]; GET: Fault[] } = { PUT: [], GET: [] };
  /** Told each request before it is answered. */
  onRequest: (method: string) => void = () => undefined;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<ObjectServer> {
    const store = new ObjectServer();
    await new Promise<void>((resolve) => store.#server.listen(0, "127.0.0.1", resolve));
    return store;
  }

  url(key: string): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    return `http://127.0.0.1:${address.port}/${key}?signature=secret`;
  }

  count(method: "PUT" | "GET"): number {
    return this.requests.filter((request) => request.method === method).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const key = (request.url ?? "").slice(1).split("?")[0] ?? "";
    const method = request.method === "PUT" ? "PUT" : "GET";
    const { range, "content-length": contentLength, "transfer-encoding": encoding } = request.headers;
    this.requests.push({ method, key, range, contentLength, encoding });
    this.onRequest(method);
    const fault = this.faults[method].shift();
    if (fault?.kind === "early") return void response.writeHead(fault.status).end("<Code>SlowDown</Code>");
    const body = await take(request, method === "PUT" ? fault : undefined);
    if (body === undefined || fault?.kind === "hang") return;
    if (fault?.kind === "status") return void response.writeHead(fault.status).end("<Code>SlowDown</Code>");
    if (method === "GET") return this.#get({ key, range, response, fault });
    if (request.headers["if-none-match"] === "*" && this.objects.has(key)) return void response.writeHead(412).end();
    this.objects.set(key, body);
    if (fault?.kind === "lost") return void request.destroy();
    response.writeHead(200).end();
  }

  #get(given: { key: string; range: string | undefined; response: ServerResponse; fault: Fault | undefined }): void {
    const { key, range, response, fault } = given;
    const object = this.objects.get(key);
    if (object === undefined) return void response.writeHead(404).end();
    const bounds = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
    const partial = bounds !== null && fault?.kind !== "ignore-range";
    let bytes = Buffer.from(partial ? object.subarray(Number(bounds[1]), Number(bounds[2]) + 1) : object);
    if (fault?.kind === "corrupt") bytes[0] = (bytes[0] ?? 0) ^ 1;
    response.writeHead(partial ? 206 : 200, { "content-length": bytes.length });
    if (fault?.kind === "stall") return void response.write(bytes.subarray(0, fault.afterBytes));
    if (fault?.kind !== "cut") return void response.end(bytes);
    bytes = bytes.subarray(0, fault.afterBytes);
    response.write(bytes, () => response.destroy());
  }
}

/** The whole body; undefined when it is not to be had whole. */
async function take(request: IncomingMessage, fault: Fault | undefined): Promise<Buffer | undefined> {
  const body: Buffer[] = [];
  const mostBytes = fault?.kind === "cut" || fault?.kind === "stall" ? fault.afterBytes : Infinity;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      body.push(chunk as Buffer);
      if (body.reduce((sum, { length }) => sum + length, 0) < mostBytes) continue;
      if (fault?.kind === "cut") request.destroy();
      return undefined;
    }
    return Buffer.concat(body);
  } catch {
    return undefined;
  }
}
