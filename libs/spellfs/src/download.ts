/** Fetches blobs from the store into a blob folder, checking every byte. */
import pLimit from "p-limit";
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { BlobFolder } from "./blob-folder.ts";
import { createBlobWriter } from "./blob-writer.ts";
import type { BlobSink, BlobWriter } from "./blob-writer.ts";
import { diskError } from "./disk.ts";
import { planRanges } from "./download-plan.ts";
import type { RangePlan } from "./download-plan.ts";
import { TransferError, asRefusal, checkAnswer, transfer } from "./transfer.ts";
import type { Attempt, TransferOptions } from "./transfer.ts";
import type { BlobPlace, ObjectSource } from "./transport.ts";

const RANGES_AT_ONCE = 6;
/** Of all trees of this process together. A tree queues no more than it may read, so all get on. */
const processLimit = pLimit(12);

/** What to fetch, and where it goes. */
export interface DownloadRequest {
  sources: readonly ObjectSource[];
  wanted: ReadonlySet<Digest>;
  folder: BlobFolder;
  takePlace?: BlobSink["takePlace"];
  /** What messages call the place of the folder. */
  folderPath: string;
  /** Told each blob that is in the folder now. */
  onPublished?: (place: BlobPlace) => void;
  /** Told the number of bytes moved since the last call; negative when some were of no use. */
  onBytes?: (bytes: number) => void;
  options: TransferOptions;
}

/** Presigned URLs have run out, or were never right: ask for new ones. Does not leave this package. */
export class UrlsExpiredError extends Error {}

/**
 * Fetches the wanted blobs that the sources hold; those published stay when another fails. Throws data-loss naming the
 * digest when the store gives wrong bytes twice, exhausted (`disk-full`), unavailable, UrlsExpiredError.
 */
export async function downloadBlobs(request: DownloadRequest): Promise<void> {
  const failed = new AbortController();
  const { signal } = request.options;
  const both = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const options = { ...request.options, signal: both };
  const limit = pLimit(RANGES_AT_ONCE);
  const jobs = planRanges(request.sources, request.wanted).map((range) =>
    limit(async () => {
      try {
        await processLimit(() => {
          both.throwIfAborted();
          return fetchRange({ range, request, options });
        });
      } catch (error) {
        failed.abort(error);
      }
    }),
  );
  await Promise.all(jobs);
  signal?.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
}

interface RangeFetch {
  range: RangePlan;
  request: DownloadRequest;
  options: TransferOptions;
}

async function fetchRange({ range, request, options }: RangeFetch): Promise<void> {
  const wrong = await fetchBlobs({ range, request, options });
  if (wrong.length === 0) return;
  // Once more: the bytes may have been damaged on the way rather than in the store.
  const [still] = await fetchBlobs({ range: { ...range, blobs: wrong }, request, options });
  if (still === undefined) return;
  const message = `The object store no longer holds the bytes of ${still.digest} where they were put: the file cannot be restored from it.`;
  throw new SpellError("data-loss", message, { reason: "wrong-bytes" });
}

/** Publishes the blobs of a range, over several attempts if need be; gives those whose bytes were wrong. */
async function fetchBlobs({ range, request, options }: RangeFetch): Promise<BlobPlace[]> {
  const left = new Map(range.blobs.map((blob) => [blob.digest, blob]));
  const wrong: BlobPlace[] = [];
  const onBlob = (place: BlobPlace, sound: boolean): void => {
    left.delete(place.digest);
    if (sound) request.onPublished?.(place);
    else wrong.push(place);
  };
  const exchange = { what: "A download from the object store", url: range.getUrl, options };
  try {
    await transfer(exchange, async (attempt) => {
      const sources = [{ getUrl: range.getUrl, blobs: [...left.values()] }];
      for (const part of planRanges(sources, new Set(left.keys()))) {
        await readRange({ part, request, attempt, onBlob });
      }
    });
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    if (error.status === 403) throw new UrlsExpiredError(error.message);
    if (isGone(error)) return [...wrong, ...left.values()];
    throw asRefusal(error);
  }
  return wrong;
}

/** The store is there and the object, or this part of it, is not: no waiting brings it back. */
function isGone({ status, storeCode }: TransferError): boolean {
  return status === 416 || (status === 404 && storeCode !== "NoSuchBucket");
}

interface RangeRead {
  part: RangePlan;
  request: DownloadRequest;
  attempt: Attempt;
  onBlob: (place: BlobPlace, sound: boolean) => void;
}

async function readRange({ part, request, attempt, onBlob }: RangeRead): Promise<void> {
  const last = part.offset + part.sizeBytes - 1;
  const headers = { range: `bytes=${part.offset}-${last}`, "accept-encoding": "identity" };
  const response = await fetch(part.getUrl, { headers, signal: attempt.signal });
  await checkAnswer(response, part.getUrl);
  if (response.body === null) throw new TransferError("the answer is empty", { retryable: true });
  // A server may ignore the range and send everything.
  const splitter = new RangeSplitter(response.status === 206 ? part.offset : 0, { part, request, onBlob });
  try {
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      attempt.progress();
      await splitter.write(chunk);
      if (splitter.isDone) break;
    }
    // A store that announces less than was asked for has no more; fetch itself notices an answer that broke off.
    if (response.headers.has("content-length")) for (const place of splitter.unfinished()) onBlob(place, false);
    else if (!splitter.isDone) throw new TransferError("the answer ended too early", { retryable: true });
  } finally {
    await splitter.discard();
  }
}

/** Cuts the bytes of a range into its blobs. */
class RangeSplitter {
  #position: number;
  readonly #waiting: BlobPlace[];
  #open: { place: BlobPlace; writer: BlobWriter; movedBytes: number }[] = [];
  readonly #given: Omit<RangeRead, "attempt">;

  constructor(position: number, given: Omit<RangeRead, "attempt">) {
    this.#position = position;
    this.#waiting = [...given.part.blobs];
    this.#given = given;
  }

  get isDone(): boolean {
    return this.#waiting.length === 0 && this.#open.length === 0;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const start = this.#position;
    const end = start + chunk.length;
    this.#position = end;
    for (let place = this.#waiting[0]; place !== undefined && place.offset < end; place = this.#waiting[0]) {
      this.#waiting.shift();
      this.#open.push({ place, writer: createBlobWriter(this.#given.request, place), movedBytes: 0 });
    }
    const { folderPath } = this.#given.request;
    for (const blob of [...this.#open]) {
      const { place, writer } = blob;
      const placeEnd = place.offset + place.sizeBytes;
      try {
        const bytes = chunk.subarray(Math.max(place.offset - start, 0), placeEnd - start);
        await writer.write(bytes);
        blob.movedBytes += bytes.length;
        this.#tell(bytes.length);
        if (placeEnd > end) continue;
        const sound = await writer.finish();
        this.#open = this.#open.filter((other) => other !== blob);
        if (!sound) this.#tell(-place.sizeBytes);
        this.#given.onBlob(place, sound);
      } catch (error) {
        throw diskError(error, folderPath);
      }
    }
  }

  unfinished(): BlobPlace[] {
    return [...this.#open.map(({ place }) => place), ...this.#waiting];
  }

  async discard(): Promise<void> {
    await Promise.allSettled(this.#open.map(({ writer }) => writer.discard()));
    this.#tell(-this.#open.reduce((sum, { movedBytes }) => sum + movedBytes, 0));
    this.#open = [];
  }

  #tell(bytes: number): void {
    this.#given.request.onBytes?.(bytes);
  }
}
