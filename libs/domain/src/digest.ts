/** Names of bytes: sha256 as 64 lower-case hex digits. */

export type Digest = string & { readonly __digest: unique symbol };

/** Whether a text has the form of a digest. */
export function isDigest(text: string): text is Digest {
  return /^[0-9a-f]{64}$/.test(text);
}
