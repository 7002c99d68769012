/** Adapters between grpc-js and our handlers: who is asking, errors as statuses, an abort signal when the caller leaves. */
import type { handleServerStreamingCall, handleUnaryCall, Metadata, ServerWritableStream } from "@grpc/grpc-js";
import { SpellError } from "@spell/domain";
import { bearerToken, toServiceError } from "@spell/rpc";
import type { Principal } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";

export interface HandlerContext {
  principal: Principal;
  /** Of the principal. */
  token: string;
  /** Where the call comes from, without the port. */
  address: string;
  /** Fires when the caller has gone. */
  signal: AbortSignal;
}

/** A unary handler. */
export function unary<Request, Response>(
  services: Services,
  handle: (request: Request, context: HandlerContext) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const abort = new AbortController();
    call.on("cancelled", () => abort.abort());
    authenticate(services, call.metadata)
      .then((principal) => handle(call.request, { principal, ...originOf(call), signal: abort.signal }))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(serviceError(services, error)),
      );
  };
}

/** A handler that streams its answer; it waits when the caller reads slowly. */
export function serverStream<Request, Response>(
  services: Services,
  handle: (request: Request, context: HandlerContext) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const abort = new AbortController();
    call.on("cancelled", () => abort.abort());
    call.on("close", () => abort.abort());
    const run = async (): Promise<void> => {
      const principal = await authenticate(services, call.metadata);
      for await (const response of handle(call.request, { principal, ...originOf(call), signal: abort.signal })) {
        if (abort.signal.aborted) return;
        if (!call.write(response)) await drained(call, abort.signal);
      }
      call.end();
    };
    run().catch((error: unknown) => {
      if (!abort.signal.aborted) call.emit("error", serviceError(services, error));
    });
  };
}

/** Who a call comes from. Throws unauthenticated, and `unavailable` where this coordinator leads no more. */
export async function authenticate(services: Services, metadata: Metadata): Promise<Principal> {
  services.lead.require();
  const token = bearerToken(metadata);
  if (token === undefined) {
    throw new SpellError("unauthenticated", 'No token was sent: log in with "spell login".', { reason: "no-token" });
  }
  return services.auth.authenticate(token);
}

/** The token of a call that passed `authenticate`, and where it comes from. */
function originOf(call: { metadata: Metadata; getPeer(): string }): Pick<HandlerContext, "token" | "address"> {
  return { token: bearerToken(call.metadata) ?? "", address: addressOf(call) };
}

/** The caller's address without the port, which changes with each connection. */
export function addressOf(call: { getPeer(): string }): string {
  return call.getPeer().replace(/:\d+$/, "");
}

/** Any error as the caller gets it; what is a bug of ours is logged here. */
export function serviceError(services: Services, error: unknown): ReturnType<typeof toServiceError> {
  return toServiceError(error, {
    onInternal: (correlationId, cause) => services.log.error({ correlationId, err: cause }, "call failed"),
  });
}

function drained<Request, Response>(call: ServerWritableStream<Request, Response>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    call.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
