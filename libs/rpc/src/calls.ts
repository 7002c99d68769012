/** Calls as promises and async iterables: deadlines, abort signals, and retries where repeating is harmless. */
import type { CallOptions, ClientReadableStream, ClientUnaryCall, Metadata, ServiceError } from "@grpc/grpc-js";
import { SpellError } from "@spell/domain";
import pRetry from "p-retry";
import { fromServiceError, isUnavailable } from "./status.ts";

/** A unary method of a generated client, bound to it: `client.getRun.bind(client)`. */
export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** A server-streaming method of a generated client, bound to it. */
export type StreamMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
) => ClientReadableStream<Response>;

/** What every call takes. */
export interface CallContext {
  metadata: Metadata;
  /** For messages: `HOST:PORT`. */
  address?: string;
  /** Cancels the call; it then fails with `unavailable`, reason `cancelled`. */
  signal?: AbortSignal;
}

/** What a unary call takes besides. */
export interface UnaryCallContext extends CallContext {
  /** Longest wait for one answer, milliseconds. Default 30,000; Infinity: none. */
  deadlineMs?: number;
  /**
   * The call may be repeated: it is, while it fails with `unavailable`, for this long in all (milliseconds).
   * Default 0: called once.
   */
  retryForMs?: number;
  /** Longest pause between two tries, milliseconds. Default 2,000. */
  longestPauseMs?: number;
}

const DEFAULT_DEADLINE_MS = 30_000;

/** Makes a unary call. Throws SpellError. */
export async function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  context: UnaryCallContext,
): Promise<Response> {
  const retryForMs = context.retryForMs ?? 0;
  if (retryForMs <= 0) return callOnce(method, request, context);
  const giveUpAt = Date.now() + retryForMs;
  const deadlineMs = context.deadlineMs ?? DEFAULT_DEADLINE_MS;
  let refusal: SpellError | undefined;
  try {
    return await pRetry(
      async () => {
        try {
          return await callOnce(method, request, {
            ...context,
            deadlineMs: Math.min(deadlineMs, giveUpAt - Date.now()),
          });
        } catch (error) {
          const known = fromServiceError(error, { address: context.address });
          // The last try has too little time left to learn why: what an earlier one was told says more.
          if (known.reason === "deadline-exceeded" && refusal !== undefined) throw refusal;
          refusal = known;
          throw known;
        }
      },
      {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 50,
        maxTimeout: context.longestPauseMs ?? 2_000,
        factor: 2,
        randomize: true,
        maxRetryTime: retryForMs,
        signal: context.signal,
        // p-retry's own budget is checked after the wait; the call must also have time left to run in.
        shouldRetry: ({ error }) => isUnavailable(error) && Date.now() < giveUpAt,
      },
    );
  } catch (error) {
    if (context.signal?.aborted) throw cancelled(context.signal);
    throw fromServiceError(error, { address: context.address });
  }
}

/** Reads a server stream; leaving the loop cancels it. Throws SpellError. */
export async function* readStream<Request, Response>(
  method: StreamMethod<Request, Response>,
  request: Request,
  context: CallContext,
): AsyncGenerator<Response, void, undefined> {
  if (context.signal?.aborted) throw cancelled(context.signal);
  const call = method(request, context.metadata, {});
  // An error after the reader has left has no other listener and would end the process.
  call.on("error", () => undefined);
  const abort = (): void => call.cancel();
  context.signal?.addEventListener("abort", abort, { once: true });
  try {
    for await (const message of call) yield message as Response;
  } catch (error) {
    if (context.signal?.aborted) throw cancelled(context.signal);
    throw fromServiceError(error, { address: context.address });
  } finally {
    context.signal?.removeEventListener("abort", abort);
    call.cancel();
  }
}

function callOnce<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  context: UnaryCallContext,
): Promise<Response> {
  const { signal, address, metadata } = context;
  const deadlineMs = context.deadlineMs ?? DEFAULT_DEADLINE_MS;
  return new Promise<Response>((resolve, reject) => {
    if (signal?.aborted) {
      reject(cancelled(signal));
      return;
    }
    const options = Number.isFinite(deadlineMs) ? { deadline: Date.now() + Math.max(deadlineMs, 1) } : {};
    const abort = (): void => call.cancel();
    const call = method(request, metadata, options, (error, response) => {
      signal?.removeEventListener("abort", abort);
      if (error === null) resolve(response);
      else reject(signal?.aborted ? cancelled(signal) : fromServiceError(error, { address }));
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}

function cancelled(signal: AbortSignal): SpellError {
  return new SpellError("unavailable", "The call was cancelled.", { reason: "cancelled", cause: signal.reason });
}
