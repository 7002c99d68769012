/** Objects in parts on an S3 server: its multipart uploads. The server keeps all there is to know; nothing is remembered here. */
import { SpellError } from "@spell/domain";
import { checkLayout, checkPartNumber, checkParts, noSuchMultipart } from "../multipart.ts";
import type { Multipart, StoredPart } from "../multipart.ts";
import { checkKey, checkPrefix, keyOfName, nameOfKey } from "../object-key.ts";
import type { MultipartInfo, ObjectStore } from "../object-store.ts";
import { checkPresignSeconds } from "../request-limits.ts";
import type { S3Client } from "./s3-client.ts";
import { isMultipartAbsent, s3Error } from "./s3-errors.ts";

type Multiparts = Pick<
  ObjectStore,
  "startMultipart" | "presignPart" | "listParts" | "completeMultipart" | "abortMultipart" | "listMultiparts"
>;

/** That part of the store. */
export function s3Multiparts(given: { client: S3Client; publicClient: S3Client; bucket: string }): Multiparts {
  const { client, publicClient, bucket } = given;

  const listParts = async ({ key, uploadId }: Pick<Multipart, "key" | "uploadId">): Promise<StoredPart[]> => {
    const parts = await attempt(key, () => client.partsOf(bucket, nameOf(key, uploadId), uploadId));
    return parts
      .map(({ part, etag, size }) => ({ number: Number(part), etag, sizeBytes: Number(size) }))
      .sort((a, b) => a.number - b.number);
  };

  return {
    startMultipart: async (key, layout) => {
      checkKey(key);
      checkLayout(layout);
      return attempt(key, () => client.initiateNewMultipartUpload(bucket, nameOfKey(key), {}));
    },
    presignPart: async (multipart, number, expiresInSeconds) => {
      const { key, uploadId } = multipart;
      const name = nameOf(key, uploadId);
      checkPartNumber(multipart, number);
      checkPresignSeconds(expiresInSeconds);
      const query = { partNumber: String(number), uploadId };
      return attempt(key, () => publicClient.presignedUrl("PUT", bucket, name, expiresInSeconds, query));
    },
    listParts,
    completeMultipart: async (multipart, parts) => {
      const { key, uploadId } = multipart;
      // The server would say only that some part is wrong, and takes parts of any size.
      checkParts(multipart, { named: parts, stored: await listParts(multipart) });
      const tags = parts.map(({ number, etag }) => ({ part: number, etag })).sort((a, b) => a.part - b.part);
      await attempt(key, () => client.completeMultipartUpload(bucket, nameOf(key, uploadId), uploadId, tags));
    },
    abortMultipart: async ({ key, uploadId }) => {
      try {
        const name = nameOf(key, uploadId);
        // The library puts the id into the query as it is.
        const id = encodeURIComponent(uploadId);
        await attempt(key, () => client.abortMultipartUpload(bucket, name, id));
      } catch (error) {
        if (!(error instanceof SpellError) || error.code !== "not-found") throw error;
      }
    },
    listMultiparts: async function* (prefix): AsyncGenerator<MultipartInfo> {
      checkPrefix(prefix);
      const seen = new Set<string>();
      // MinIO lists those of one object, by its whole name.
      const whole = prefix === "" || prefix.endsWith("/") ? [] : [nameOfKey(prefix)];
      for (const start of [prefix, ...whole]) {
        for await (const found of listUnfinished(client, bucket, start)) {
          if (!seen.has(found.uploadId)) yield found;
          seen.add(found.uploadId);
        }
      }
    },
  };
}

async function* listUnfinished(client: S3Client, bucket: string, start: string): AsyncGenerator<MultipartInfo> {
  let [keyMarker, idMarker, isTruncated] = ["", "", true];
  while (isTruncated) {
    const page = await attempt(start, () => client.listIncompleteUploadsQuery(bucket, start, keyMarker, idMarker, ""));
    for (const { key: name, uploadId, initiated } of page.uploads) {
      const key = keyOfName(name);
      if (key !== undefined) yield { key, uploadId, startedAtMs: initiated.getTime() };
    }
    ({ isTruncated, nextKeyMarker: keyMarker, nextUploadIdMarker: idMarker } = page);
  }
}

function nameOf(key: string, uploadId: string): string {
  checkKey(key);
  // MinIO takes the PUT of a part for that of a whole object when there is a newline in the id; Ceph stumbles over a long one.
  if (!/^[!-~]{1,1024}$/.test(uploadId)) throw noSuchMultipart(key);
  return nameOfKey(key);
}

async function attempt<T>(key: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (isMultipartAbsent(error)) throw noSuchMultipart(key);
    // Joining the parts failed after the server had answered 200: the library stumbles over that, or tells the text alone.
    if (error instanceof TypeError || (error instanceof Error && error.name === "S3Error" && !("code" in error))) {
      const message = `Cannot complete the object "${key}": the S3 server said: ${error.message}. Try again.`;
      throw new SpellError("unavailable", message, { cause: error });
    }
    throw s3Error(error, `put the object "${key}" in parts`);
  }
}
