/** Fetches blobs from the store into a blob folder, checking every byte. */
import pLimit from "p-limit";
import type { Digest } from "@spell/domain";
import type { BlobFolder } from "./blob-folder.ts";
import type { BlobSink } from "./blob-writer.ts";
import { planRanges } from "./download-plan.ts";
import type { RangePlan } from "./download-plan.ts";
import { UrlsExpiredError, isGone, wrongBytes } from "./download-errors.ts";
import { httpGet } from "./http-get.ts";
import { Pace } from "./pace.ts";
import { RangeSplitter } from "./range-splitter.ts";
import { TransferError, asRefusal, transfer } from "./transfer.ts";
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
  if (still !== undefined) throw wrongBytes(still.digest);
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

interface RangeRead {
  part: RangePlan;
  request: DownloadRequest;
  attempt: Attempt;
  onBlob: (place: BlobPlace, sound: boolean) => void;
}

async function readRange({ part, request, attempt, onBlob }: RangeRead): Promise<void> {
  const { offset, sizeBytes, blobs } = part;
  const answer = await httpGet({ url: part.getUrl, offset, sizeBytes, signal: attempt.signal });
  const { folderPath } = request;
  const onBytes = (bytes: number): void => request.onBytes?.(bytes);
  const splitter = new RangeSplitter({ offset: answer.offset, blobs, sink: request, folderPath, onBlob, onBytes });
  const pace = new Pace();
  try {
    for await (const chunk of answer.body) {
      attempt.progress();
      await splitter.write(chunk as Buffer);
      if (pace.isOver) await pace.rest();
      // Read to its end, the connection can be used again; of a whole object that was sent unasked, the rest is left.
      if (splitter.isDone && answer.offset !== offset) break;
    }
    // A store that announces less than was asked for has no more; an answer that broke off is an error.
    if (answer.body.headers["content-length"] !== undefined)
      for (const place of splitter.unfinished()) onBlob(place, false);
    else if (!splitter.isDone) throw new TransferError("the answer ended too early", { retryable: true });
  } finally {
    await splitter.discard();
  }
}
