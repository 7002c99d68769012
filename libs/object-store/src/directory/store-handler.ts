/** Serves the signed URLs of a directory store over plain node:http. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { SpellError, invalidInput } from "@spell/domain";
import { checkKey } from "../object-key.ts";
import type { DirectoryStore } from "./directory-store.ts";
import { errnoOf } from "./file-errors.ts";
import { refusalOf, refuse } from "./http-answer.ts";
import { receiveObject } from "./receive-object.ts";
import { sendObject } from "./send-object.ts";
import { isOnlyNew, partOf } from "./url-signature.ts";

export interface StoreHandlerOptions {
  /** Largest object a PUT may bring, bytes; default 64 GiB. */
  maxObjectBytes?: number;
  /** A connection on which nothing moves for so long is cut, milliseconds; default 60,000. */
  idleTimeoutMs?: number;
  /** Told of every failure of ours (answered 500, 503 or 507) for the log; never of a client's mistake. */
  onError?: (error: unknown) => void;
}

const BASE_PATH = "/store/";
const DEFAULT_MAX_OBJECT_BYTES = 64 * 1024 ** 3;
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;

/**
 * A handler for requests to `/store/…`: PUT, GET and HEAD by signed URL. It answers every request and never rejects.
 * The node:http server must have `requestTimeout: 0` (its default cuts uploads after 5 minutes): the handler has its
 * own limit on idle connections. The request's body must not have been read or parsed before.
 */
export function createStoreHandler(
  store: DirectoryStore,
  options: StoreHandlerOptions = {},
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { maxObjectBytes = DEFAULT_MAX_OBJECT_BYTES, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS, onError } = options;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = request.method ?? "";
    const target = targetOf(request.url ?? "");
    if (target === undefined) {
      const message = "There is nothing at this path: objects lie below /store/.";
      return refuse(request, response, { status: 404, code: "not-found", reason: "no-such-path", message });
    }
    if (method !== "PUT" && method !== "GET" && method !== "HEAD") {
      const message = `${method} is not possible here: objects are stored by PUT and read by GET or HEAD.`;
      const headers = { Allow: "GET, HEAD, PUT" };
      return refuse(request, response, {
        status: 405,
        code: "invalid-input",
        reason: "method-unknown",
        message,
        headers,
      });
    }
    const { key, query } = target;
    const verdict = store.verify({ method, key, query });
    if (!verdict.ok) {
      const { reason, message } = verdict;
      return refuse(request, response, { status: 403, code: "forbidden", reason, message });
    }
    if (method === "PUT") {
      const asked = { part: partOf(query), onlyNew: isOnlyNew(query) };
      await receiveObject({ store, key, ...asked, request, response, maxObjectBytes });
    } else await sendObject({ store, key, request, response });
  };

  return async (request, response) => {
    response.setTimeout(idleTimeoutMs, () => request.destroy());
    // A client that goes away is no failure of ours, and must not become an unhandled event.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    try {
      await serve(request, response);
    } catch (error) {
      if (!isClientGone(error)) {
        const refusal = refusalOf(error);
        if (refusal.status >= 500) onError?.(error);
        await refuse(request, response, refusal);
        return;
      }
      request.destroy();
    }
  };
}

/** Key and query of a request; undefined for other paths. Throws invalid-input for a key no object can have. */
function targetOf(url: string): { key: string; query: URLSearchParams } | undefined {
  // Not `new URL`: it would quietly resolve `..` before we can refuse it.
  const cut = url.indexOf("?");
  const path = cut === -1 ? url : url.slice(0, cut);
  if (!path.startsWith(BASE_PATH)) return undefined;
  const key = decoded(path.slice(BASE_PATH.length));
  checkKey(key);
  return { key, query: new URLSearchParams(cut === -1 ? "" : url.slice(cut + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidInput("The path of this URL is not valid percent-encoding.", "bad-key");
  }
}

/** The client closed the connection: there is nobody to answer. */
function isClientGone(error: unknown): boolean {
  if (error instanceof SpellError) return error.reason === "body-cut-short";
  return ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE", "ERR_STREAM_DESTROYED"].includes(errnoOf(error) ?? "");
}
