/** What becomes of a download that the store refuses, or whose bytes it has not. */
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { TransferError } from "./transfer.ts";

/** Presigned URLs have run out, or were never right: ask for new ones. Does not leave this package. */
export class UrlsExpiredError extends Error {}

/** The store is there and the object, or this part of it, is not: no waiting brings it back. */
export function isGone({ status, storeCode }: TransferError): boolean {
  return status === 416 || (status === 404 && storeCode !== "NoSuchBucket");
}

/** After the last try. */
export function wrongBytes(digest: Digest): SpellError {
  const message = `The object store no longer holds the bytes of ${digest} where they were put: the file cannot be restored from it.`;
  return new SpellError("data-loss", message, { reason: "wrong-bytes" });
}
