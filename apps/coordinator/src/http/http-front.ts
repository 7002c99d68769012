/**
 * The HTTP port: it is open from the start and tells its health; every other request is refused until there is an API to answer it, and
 * again from the moment on at which another coordinator may lead.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { SpellError } from "@spell/domain";
import { portError } from "../port-error.ts";
import { refuseMalformed, toHttpError } from "./errors.ts";

/** Longer than clients wait between two requests: a connection that closes under a POST is an error nobody may retry. */
const KEEP_ALIVE_MS = 72_000;

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export class HttpFront {
  readonly port: number;
  readonly #server: Server;
  readonly #current: { handler: RequestHandler };

  private constructor(server: Server, current: { handler: RequestHandler }) {
    this.#server = server;
    this.#current = current;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Opens the port. `refusal`: why a request is not answered yet. Throws `unavailable` reason `port-taken`. */
  static async listen(options: { host: string; port: number; refusal: () => SpellError }): Promise<HttpFront> {
    const current = { handler: refuseAll(options.refusal) };
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) =>
      current.handler(request, response),
    );
    server.on("clientError", refuseMalformed);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(portError("HTTP", options, error)));
      server.listen(options.port, options.host, resolve);
    });
    return new HttpFront(server, current);
  }

  /** From now on this answers. */
  serve(handler: RequestHandler): void {
    this.#current.handler = handler;
  }

  /** Ends open connections; idempotent. */
  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

/** Sends an error, with its reason where clients find it without reading the body. */
export function sendRefusal(response: ServerResponse, error: unknown): void {
  const { status, body } = toHttpError(error);
  response.writeHead(status, { "content-type": "application/json", "spell-reason": body.code });
  response.end(JSON.stringify(body));
}

function refuseAll(refusal: () => SpellError): RequestHandler {
  return (request, response) => {
    // What the request brings is of no interest, but a client that still sends would not read the answer.
    request.resume();
    const path = (request.url ?? "").split("?")[0];
    if (path !== "/healthz" && path !== "/readyz") return sendRefusal(response, refusal());
    response.writeHead(path === "/healthz" ? 200 : 503, { "content-type": "application/json" });
    response.end(JSON.stringify({ status: path === "/healthz" ? "ok" : refusal().reason }));
  };
}
