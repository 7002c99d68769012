/**
 * One HTTP exchange with the object store: bounded retries, and a deadline for standing still rather than for the whole,
 * because a large object on a slow line may rightly take hours.
 */
import pRetry from "p-retry";
import { SpellError, messageOf } from "@spell/domain";

/** How transfers behave; the defaults suit a store that restarts within seconds. */
export interface TransferOptions {
  /** Longest time without a byte moving. Default 30,000. */
  stallTimeoutMs?: number;
  /** Further attempts after the first. Default 5: about 20 s in all. */
  retries?: number;
  /** Wait before the second attempt, doubled each time. Default 500. */
  retryDelayMs?: number;
  signal?: AbortSignal;
}

/** A failed attempt: whether another may go better. */
export class TransferError extends Error {
  readonly retryable: boolean;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  /** What S3 calls it; empty when the server does not say. */
  readonly storeCode: string;

  constructor(message: string, given: { retryable: boolean; status?: number; storeCode?: string }) {
    super(message);
    this.name = "TransferError";
    this.retryable = given.retryable;
    this.status = given.status ?? 0;
    this.storeCode = given.storeCode ?? "";
  }
}

/** What an attempt is given to watch over itself. */
export interface Attempt {
  signal: AbortSignal;
  /** To be called whenever bytes have moved. */
  progress(): void;
}

/**
 * Runs attempts until one succeeds. SpellErrors thrown by an attempt end it at once; anything else is a failed transfer.
 * Throws unavailable when attempts are used up, TransferError for a refusal that no repetition cures, the signal's reason.
 */
export async function transfer<T>(
  { what, url, options }: { what: string; url: string; options: TransferOptions },
  run: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const retries = options.retries ?? 5;
  try {
    return await pRetry(() => guarded({ url, options }, run), {
      retries,
      minTimeout: options.retryDelayMs ?? 500,
      randomize: true,
      signal: options.signal,
      shouldRetry: ({ error }) => error instanceof TransferError && error.retryable,
    });
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    if (error instanceof SpellError || (error instanceof TransferError && !error.retryable)) throw error;
    const message = `${what} failed ${retries + 1} times; the last time: ${messageOf(error)}. Try again when the object store is back.`;
    throw new SpellError("unavailable", message, { reason: "object-store-unavailable", cause: error });
  }
}

/** Throws when the answer is not a success; the text of presigned URLs is a secret and stays out of messages. */
export function checkStatus(status: number, { text, url }: { text: string; url: string }): void {
  if (status >= 200 && status < 300) return;
  const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(text.slice(0, 2_000))?.[1];
  // 409: S3 says so when another PUT of the same new object is not over yet.
  const retryable = status >= 500 || [408, 409, 429].includes(status);
  const message = `${placeOf(url)} answered ${status}${code === undefined ? "" : ` (${code})`}`;
  throw new TransferError(message, { retryable, status, storeCode: code });
}

/** A refusal by the store as a SpellError; anything else as it is. */
export function asRefusal(error: unknown): unknown {
  if (!(error instanceof TransferError)) return error;
  return new SpellError("unavailable", `The object store refused: ${error.message}.`, {
    reason: "object-store-refused",
    cause: error,
  });
}

/** The server and object of a URL, without its signature. */
function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

async function guarded<T>(
  { url, options }: { url: string; options: TransferOptions },
  run: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const stallTimeoutMs = options.stallTimeoutMs ?? 30_000;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), stallTimeoutMs);
  const signal = options.signal === undefined ? stalled.signal : AbortSignal.any([options.signal, stalled.signal]);
  try {
    return await run({ signal, progress: () => void timer.refresh() });
  } catch (error) {
    if (error instanceof SpellError || error instanceof TransferError || options.signal?.aborted) throw error;
    const why = stalled.signal.aborted ? `nothing moved for ${stallTimeoutMs} ms` : messageOf(error);
    throw new TransferError(`${placeOf(url)}: ${why}`, { retryable: true });
  } finally {
    clearTimeout(timer);
  }
}
