/**
 * Puts a large blob in parts: several at a time, each repeated on its own, and those that an earlier upload has put not again. The file
 * is read and hashed once, in order. What the hash is at the end of a part tells whether the file up to there is what it was when that
 * part was put: so no object of other bytes than the snapshot's is ever completed, whoever put its parts.
 */
import { createHash } from "node:crypto";
import { closeSync, read } from "node:fs";
import { promisify } from "node:util";
import { hasCode } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { changed, openFile, unreadable } from "./hash-file.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { PartUrls } from "./part-urls.ts";
import { putObject } from "./put-object.ts";
import type { TransferOptions } from "./transfer.ts";
import type { MultipartTransport, PartTag } from "./transport.ts";
import type { StartedMultipart, UploadJournal } from "./upload-journal.ts";

/** From this size on a blob is put in parts. */
export const MULTIPART_BYTES = 64 * 1024 * 1024;
/** Of all trees of this process together: parts are in memory until the store has them. */
const budget = new MemoryBudget(64 * 1024 * 1024);
const READ_BYTES = 1024 * 1024;
const readAsync = promisify(read);

/** A large blob, in a file. */
export interface LargeBlob {
  digest: Digest;
  sizeBytes: number;
  path: string;
}

interface PartsRequest {
  transport: MultipartTransport;
  journal?: UploadJournal;
  /** Told the number of bytes moved since the last call; negative when a part starts over. */
  onBytes: (bytes: number) => void;
  /** Told the size of each part that an earlier upload has put. */
  onKept: (bytes: number) => void;
  options: TransferOptions;
}

/**
 * The key of the object, complete. Throws conflict (`file-changed`), not-found (`no-such-multipart`: begin again), what the transport
 * throws, unavailable, or the signal's reason. With a journal what was put is kept for the next time.
 */
export async function putInParts(blob: LargeBlob, request: PartsRequest): Promise<string> {
  const { transport, journal } = request;
  const earlier = await earlierParts(blob, request);
  const started = earlier?.started ?? { ...blob, ...(await transport.start({ sizeBytes: blob.sizeBytes })) };
  if (earlier === undefined) journal?.addMultipart(started);
  const { objectKey } = started;
  try {
    const parts = await putAll({ blob, started, sent: earlier?.sent ?? new Map(), request });
    await transport.complete({ objectKey, parts });
    return objectKey;
  } catch (error) {
    // Without a journal nobody goes on with it; and parts of a file that has changed are of no use.
    const isUseless = journal === undefined || hasCode(error, "conflict");
    if (isUseless) await transport.abort({ objectKey }).catch(() => undefined);
    throw error;
  }
}

interface Sent {
  etag: string;
  /** Of the file from its beginning to the end of the part. */
  prefix: string;
}

/** What an earlier upload has put of the same bytes, as far as it is still there. */
async function earlierParts(
  { digest, sizeBytes }: LargeBlob,
  { transport, journal }: PartsRequest,
): Promise<{ started: StartedMultipart; sent: Map<number, Sent> } | undefined> {
  const started = journal?.multipart(digest);
  if (started === undefined || started.sizeBytes !== sizeBytes) return undefined;
  try {
    const there = new Map((await transport.listParts(started)).map(({ number, etag }) => [number, etag]));
    const sent = started.parts.filter(({ number, etag }) => there.get(number) === etag);
    return { started, sent: new Map(sent.map(({ number, ...part }) => [number, part])) };
  } catch (error) {
    if (hasCode(error, "not-found")) return undefined;
    throw error;
  }
}

async function putAll(given: {
  blob: LargeBlob;
  started: StartedMultipart;
  sent: ReadonlyMap<number, Sent>;
  request: PartsRequest;
}): Promise<PartTag[]> {
  const { blob, started, sent, request } = given;
  const { journal, onBytes, onKept } = request;
  const { objectKey, partBytes } = started;
  const count = Math.ceil(blob.sizeBytes / partBytes);
  const failed = new AbortController();
  const signals = request.options.signal === undefined ? [] : [request.options.signal];
  const signal = AbortSignal.any([...signals, failed.signal]);
  const urls = new PartUrls({ transport: request.transport, objectKey, count, skip: sent });
  const free: Buffer[] = [];
  const sending: Promise<PartTag>[] = [];
  const send = async (number: number, { body, prefix }: { body: Buffer; prefix: string }): Promise<PartTag> => {
    const nextTarget = async () => ({ objectKey, putUrl: await urls.next(number) });
    const options = { ...request.options, signal };
    const { etag } = await putObject({ sizeBytes: body.length, body, isPart: true, nextTarget, onBytes, options });
    journal?.addPart({ objectKey, number, etag, prefix });
    return { number, etag };
  };
  const file = openUnchanged(blob.path);
  try {
    const state = createHash("sha256");
    for (let number = 1; number <= count; number += 1) {
      const giveBack = await budget.take(partBytes, signal);
      const buffer = free.pop() ?? Buffer.allocUnsafeSlow(partBytes);
      const done = (): void => {
        free.push(buffer);
        giveBack();
      };
      try {
        const offset = (number - 1) * partBytes;
        const body = buffer.subarray(0, Math.min(partBytes, blob.sizeBytes - offset));
        await readPart({ file, body, offset, path: blob.path, signal, onRead: (bytes) => state.update(bytes) });
        const prefix = state.copy().digest("hex");
        if (number === count && prefix !== blob.digest) throw changed(blob.path);
        const known = sent.get(number);
        if (known?.prefix === prefix) {
          onBytes(body.length);
          onKept(body.length);
          sending.push(Promise.resolve({ number, etag: known.etag }));
          done();
          continue;
        }
        const put = send(number, { body, prefix }).finally(done);
        put.catch((error: unknown) => failed.abort(error));
        sending.push(put);
      } catch (error) {
        done();
        throw error;
      }
    }
    return await Promise.all(sending);
  } catch (error) {
    failed.abort(error);
    throw failed.signal.reason;
  } finally {
    // Their memory is used until they have ended.
    await Promise.allSettled(sending);
    closeSync(file);
  }
}

function openUnchanged(path: string): number {
  try {
    return openFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readPart(given: {
  file: number;
  body: Buffer;
  offset: number;
  path: string;
  signal: AbortSignal;
  onRead: (bytes: Buffer) => void;
}): Promise<void> {
  const { file, body, offset, path, signal, onRead } = given;
  for (let filled = 0; filled < body.length;) {
    signal.throwIfAborted();
    const length = Math.min(READ_BYTES, body.length - filled);
    const { bytesRead } = await readAsync(file, body, filled, length, offset + filled).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    if (bytesRead === 0) throw changed(path);
    onRead(body.subarray(filled, filled + bytesRead));
    filled += bytesRead;
  }
}
