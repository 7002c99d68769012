/** The S3 client library set up our way: no hidden requests, no hidden retries, no request without an end. */
import http from "node:http";
import https from "node:https";
import { SpellError, invalidInput, messageOf } from "@spell/domain";
import { Client } from "minio";

/** The library's client, with what it keeps to itself. */
export class S3Client extends Client {
  /** The parts of an object in the making. */
  async partsOf(bucket: string, name: string, uploadId: string): ReturnType<S3Client["listParts"]> {
    return this.listParts(bucket, name, uploadId);
  }
}

/** Its presigned URLs hold only for requests that ask not to replace anything. */
class OnlyNewClient extends S3Client {
  protected override getRequestOptions(
    ...[options]: Parameters<S3Client["getRequestOptions"]>
  ): ReturnType<S3Client["getRequestOptions"]> {
    return super.getRequestOptions({ ...options, headers: { ...options.headers, "if-none-match": "*" } });
  }
}

export interface S3ClientOptions {
  /** `http://host:port` or `https://host`. */
  endpoint: string;
  accessKey: string;
  secretKey: string;
  region: string;
  /** A request on which nothing moves for so long fails, milliseconds. */
  timeoutMs: number;
  /** For presigning alone: a PUT by its URLs replaces nothing. Default: false. */
  onlyNew?: boolean;
}

/** Shorter than any server keeps an idle connection, so that none is used again that the server is just closing. */
const IDLE_SOCKET_MS = 5_000;

/** Bodies are always sent as one request; S3's own limit for that. */
const SINGLE_PUT_BYTES = 5 * 1024 ** 3;

/** Answers whose body the library never reads: left so, each would keep its connection for ever. */
const UNREAD_STATUSES = new Set([408, 429, 499, 500, 502, 503, 504, 520]);

/** A client of the library. Throws invalid-input (reason `bad-endpoint`) for an endpoint it cannot use. */
export function createS3Client(options: S3ClientOptions): S3Client {
  const url = parseEndpoint(options.endpoint);
  const useSSL = url.protocol === "https:";
  const vendor = useSSL ? https : http;
  try {
    return new (options.onlyNew === true ? OnlyNewClient : S3Client)({
      endPoint: url.hostname,
      port: url.port === "" ? undefined : Number(url.port),
      useSSL,
      accessKey: options.accessKey,
      secretKey: options.secretKey,
      region: options.region,
      pathStyle: true,
      partSize: SINGLE_PUT_BYTES,
      // Retrying is the caller's decision; the library's retries also write to the console.
      retryOptions: { disableRetry: true },
      transport: { request: requestWithTimeout(vendor, options.timeoutMs) },
      transportAgent: new vendor.Agent({ keepAlive: true, maxSockets: 64, timeout: IDLE_SOCKET_MS }),
    });
  } catch (error) {
    throw badEndpoint(options.endpoint, messageOf(error), error);
  }
}

function parseEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw badEndpoint(endpoint, "write http://HOST:PORT or https://HOST");
  }
  if (url.pathname !== "/" || url.search !== "" || url.username !== "") {
    throw badEndpoint(endpoint, "it must have no path, query or user name");
  }
  return url;
}

function badEndpoint(endpoint: string, why: string, cause?: unknown): SpellError {
  const known = invalidInput(`"${endpoint}" is not the address of an S3 server: ${why}.`, "bad-endpoint");
  return cause === undefined ? known : new SpellError(known.code, known.message, { reason: known.reason, cause });
}

/** `http.request` whose requests end: by an answer, an error, or silence. */
function requestWithTimeout(vendor: typeof http | typeof https, timeoutMs: number): typeof http.request {
  return (first: unknown, ...rest: unknown[]): http.ClientRequest => {
    const request = Reflect.apply(vendor.request, vendor, [first, ...rest]) as http.ClientRequest;
    request.setTimeout(timeoutMs, () => {
      const error = new Error(`no answer within ${timeoutMs} ms`);
      request.destroy(Object.assign(error, { code: "ETIMEDOUT" }));
    });
    request.prependListener("response", (response) => {
      if (UNREAD_STATUSES.has(response.statusCode ?? 0)) response.resume();
    });
    return request;
  };
}
