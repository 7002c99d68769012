/** An HTTP server in front of another one that does, once each, what networks and failing servers do; it counts what passes. */
import { createServer, request as sendRequest } from "node:http";
import type { ClientRequest, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type ProxyFault =
  /** The connection breaks after so many bytes of the request's body. */
  | { kind: "cut-request"; afterBytes: number }
  /** The connection breaks after so many bytes of the answer's body. */
  | { kind: "cut-answer"; afterBytes: number }
  /** Another body than that of the server, with a length that is right for it. */
  | { kind: "other-answer"; change: (body: Buffer) => Buffer };

export interface ProxiedRequest {
  method: string;
  /** Without the query. */
  path: string;
  range?: string;
}

/** Server behind it: host and port, which may change. */
export interface ProxyTarget {
  host: string;
  port: number;
}

export class FaultyProxy implements AsyncDisposable {
  target: ProxyTarget;
  readonly requests: ProxiedRequest[] = [];
  /** What happens to the next requests of a method. */
  readonly faults: { PUT: ProxyFault[]; GET: ProxyFault[] } = { PUT: [], GET: [] };
  /** Told each piece of a request's body before it goes on. */
  onBody: (method: string, bytesSoFar: number) => void = () => undefined;
  readonly #server: Server;

  private constructor(target: ProxyTarget) {
    this.target = target;
    this.#server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => this.#forward(incoming, outgoing));
  }

  static async start(target: ProxyTarget): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  of(method: string): ProxiedRequest[] {
    return this.requests.filter((request) => request.method === method);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const method = incoming.method ?? "";
    const [path = ""] = (incoming.url ?? "").split("?");
    this.requests.push({ method, path, range: incoming.headers.range });
    const fault = method === "PUT" || method === "GET" ? this.faults[method].shift() : undefined;
    const options = { ...this.target, method, path: incoming.url, setHost: false, agent: false };
    const upstream = sendRequest({ ...options, headers: incoming.rawHeaders });
    const breakOff = (): void => {
      upstream.destroy();
      incoming.socket.destroy();
    };
    upstream.on("error", breakOff);
    outgoing.on("error", breakOff).on("close", () => upstream.destroy());
    incoming.on("error", breakOff);
    upstream.on("response", (answer) => passAnswer(answer, { outgoing, fault, breakOff }));
    this.#passBody(incoming, { upstream, method, fault, breakOff });
  }

  #passBody(
    incoming: IncomingMessage,
    given: { upstream: ClientRequest; method: string; fault: ProxyFault | undefined; breakOff: () => void },
  ): void {
    const { upstream, method, fault, breakOff } = given;
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      this.onBody(method, bytes);
      if (fault?.kind === "cut-request" && bytes > fault.afterBytes) return breakOff();
      if (!upstream.write(chunk)) incoming.pause();
    });
    upstream.on("drain", () => incoming.resume());
    incoming.on("end", () => upstream.end());
  }
}

function passAnswer(
  answer: IncomingMessage,
  given: { outgoing: ServerResponse; fault: ProxyFault | undefined; breakOff: () => void },
): void {
  const { outgoing, fault, breakOff } = given;
  answer.on("error", breakOff);
  if (fault?.kind === "other-answer") {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("end", () => {
      const body = fault.change(Buffer.concat(chunks));
      outgoing.writeHead(answer.statusCode ?? 500, { "content-length": body.length }).end(body);
    });
    return;
  }
  outgoing.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
  if (fault?.kind !== "cut-answer") return void answer.pipe(outgoing);
  let left = fault.afterBytes;
  answer.on("data", (chunk: Buffer) => {
    outgoing.write(chunk.subarray(0, left), () => left === 0 && breakOff());
    left = Math.max(0, left - chunk.length);
  });
}
