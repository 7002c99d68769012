/**
 * Objects in a bucket of an S3 server: MinIO, or any other. An object's name in the bucket is its key with `!` at the
 * end (see object-key.ts); other objects in the bucket are left alone and not listed.
 */
import { invalidInput } from "@spell/domain";
import { checkKey, checkPrefix, keyOfName, nameOfKey } from "../object-key.ts";
import type { ByteRange, ObjectInfo, ObjectStore } from "../object-store.ts";
import { checkPresignSeconds, checkRangeForm, noSuchObject, rangeOutside } from "../request-limits.ts";
import { createS3Client } from "./s3-client.ts";
import type { S3Client } from "./s3-client.ts";
import { isAbsent, isRangeOutside, s3Error } from "./s3-errors.ts";
import { s3Multiparts } from "./s3-multiparts.ts";

export interface S3StoreOptions {
  /** Where the coordinator reaches the server: `http://host:port` or `https://host`. */
  endpoint: string;
  /** Name of the bucket; `ensureBucket` makes it. */
  bucket: string;
  accessKey: string;
  secretKey: string;
  /** Region of the bucket; default `us-east-1`, which MinIO takes too. */
  region?: string;
  /** Where agents and clients reach the server, when that differs: presigned URLs point there. */
  publicEndpoint?: string;
  /** A request on which nothing moves for so long is `unavailable`, milliseconds; default 15,000. */
  timeoutMs?: number;
}

export interface S3Store extends ObjectStore {
  /** Makes the bucket unless it exists. Throws as the other calls, and invalid-input for an impossible name. */
  ensureBucket(): Promise<void>;
}

const DEFAULT_REGION = "us-east-1";
const DEFAULT_TIMEOUT_MS = 15_000;
const LIST_PAGE_SIZE = 1000;

/**
 * A store on the bucket; nothing is sent yet. Besides what ObjectStore says, calls may throw `unauthenticated` (the
 * server does not know the credentials), `forbidden` (it does, and denies) and exhausted (reason `disk-full`).
 */
export function createS3Store(options: S3StoreOptions): S3Store {
  const { endpoint, bucket, publicEndpoint, region = DEFAULT_REGION, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes("..")) {
    throw invalidInput(
      `"${bucket}" is not the name of a bucket: write 3 to 63 lower-case letters, digits, '-' and '.'.`,
      "bad-bucket",
    );
  }
  const { accessKey, secretKey } = options;
  const client = createS3Client({ endpoint, accessKey, secretKey, region, timeoutMs });
  const signing = { endpoint: publicEndpoint ?? endpoint, accessKey, secretKey, region, timeoutMs };
  const publicClient = publicEndpoint === undefined ? client : createS3Client(signing);
  const onlyNewClient = createS3Client({ ...signing, onlyNew: true });

  const presign = async (
    method: "GET" | "PUT",
    key: string,
    { expiresInSeconds, by = publicClient }: { expiresInSeconds: number; by?: S3Client },
  ): Promise<string> => {
    checkKey(key);
    checkPresignSeconds(expiresInSeconds);
    // With the region known this is arithmetic only; nothing is sent.
    return attempt(`sign a URL for "${key}"`, () => by.presignedUrl(method, bucket, nameOfKey(key), expiresInSeconds));
  };

  return {
    ensureBucket: () => attempt(`make the bucket "${bucket}"`, () => ensureBucket(client, bucket, region)),
    put: async (key, body) => {
      checkKey(key);
      const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      await attempt(`store the object "${key}"`, () => client.putObject(bucket, nameOfKey(key), bytes));
    },
    get: async (key, range) => {
      checkKey(key);
      if (range !== undefined) checkRangeForm(range);
      return attempt(`read the object "${key}"`, () => getBytes({ client, bucket, key, range }));
    },
    find: async (key) => {
      checkKey(key);
      return attempt(`look up the object "${key}"`, () => findObject(client, bucket, key));
    },
    delete: async (key) => {
      checkKey(key);
      await attempt(`delete the object "${key}"`, () => client.removeObject(bucket, nameOfKey(key)));
    },
    list: async function* (prefix) {
      checkPrefix(prefix);
      let token = "";
      do {
        const page = await attempt("list the objects", () =>
          client.listObjectsV2Query(bucket, prefix, token, "", LIST_PAGE_SIZE, ""),
        );
        for (const { name, size, lastModified } of page.objects) {
          const key = keyOfName(name ?? "");
          if (key !== undefined) yield { key, sizeBytes: size, modifiedAtMs: timeOf(lastModified) };
        }
        token = page.isTruncated ? page.nextContinuationToken : "";
      } while (token !== "");
    },
    presignPut: (key, expiresInSeconds, { onlyNew } = { onlyNew: false }) =>
      presign("PUT", key, { expiresInSeconds, by: onlyNew ? onlyNewClient : publicClient }),
    presignGet: (key, expiresInSeconds) => presign("GET", key, { expiresInSeconds }),
    ...s3Multiparts({ client, publicClient, bucket }),
  };
}

async function attempt<T>(doing: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw s3Error(error, doing);
  }
}

async function ensureBucket(client: S3Client, bucket: string, region: string): Promise<void> {
  if (await client.bucketExists(bucket)) return;
  try {
    await client.makeBucket(bucket, region);
  } catch (error) {
    // Another coordinator may have been faster.
    if (!(await client.bucketExists(bucket))) throw error;
  }
}

async function findObject(client: S3Client, bucket: string, key: string): Promise<ObjectInfo | undefined> {
  try {
    const { size, lastModified } = await client.statObject(bucket, nameOfKey(key));
    return { key, sizeBytes: size, modifiedAtMs: timeOf(lastModified) };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** A server that tells no time counts as one where everything is new: nothing is taken for old by mistake. */
function timeOf(lastModified: Date | undefined): number {
  const time = lastModified?.getTime() ?? Number.NaN;
  return Number.isFinite(time) ? time : Date.now();
}

async function getBytes(options: {
  client: S3Client;
  bucket: string;
  key: string;
  range: ByteRange | undefined;
}): Promise<Uint8Array> {
  const { client, bucket, key, range } = options;
  // HTTP cannot ask for no bytes; the object must still exist and reach that far.
  if (range?.length === 0) {
    const found = await findObject(client, bucket, key);
    if (found === undefined) throw noSuchObject(key);
    if (range.offset > found.sizeBytes) throw rangeOutside(key, range, found.sizeBytes);
    return new Uint8Array(0);
  }
  try {
    const stream: AsyncIterable<Uint8Array> = await client.getPartialObject(
      bucket,
      nameOfKey(key),
      range?.offset ?? 0,
      range?.length ?? 0,
    );
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    // A server sends what there is of a range that begins inside the object and ends outside.
    if (range !== undefined && bytes.byteLength !== range.length) throw rangeOutside(key, range);
    return bytes;
  } catch (error) {
    if (isAbsent(error)) throw noSuchObject(key);
    if (range !== undefined && isRangeOutside(error)) throw rangeOutside(key, range);
    throw error;
  }
}
