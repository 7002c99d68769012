/** Signed URLs of the directory driver: who holds one may do one thing with one key until it expires. Pure. */
import { createHmac, timingSafeEqual } from "node:crypto";

export type SignedMethod = "GET" | "PUT";

/** What a signature covers. */
interface SignedFacts {
  method: string;
  key: string;
  /** Unix time in seconds, as it stands in the URL. */
  expires: string;
  /** For one part of an object in the making. */
  part?: SignedPart;
  /** Nothing may be replaced. */
  onlyNew?: boolean;
}

/** As it stands in the URL. */
export interface SignedPart {
  uploadId: string;
  number: string;
}

/** Why a request is let in, or the reason and sentence of its refusal. */
export type Verdict = { ok: true } | { ok: false; reason: string; message: string };

/** `<publicUrl>/store/<key>?method=…&expires=…&signature=…`, of a part with its `uploadId` and `partNumber`. Keys need no escaping. */
export function signUrl(
  options: { publicUrl: string; secret: string | Uint8Array; expiresAtSeconds: number } & {
    method: SignedMethod;
    key: string;
    part?: SignedPart;
    onlyNew?: boolean;
  },
): string {
  const { publicUrl, secret, method, key, part, onlyNew = false } = options;
  const expires = String(options.expiresAtSeconds);
  const signature = signatureOf({ method, key, expires, part, onlyNew }, secret).toString("hex");
  const url = `${publicUrl.replace(/\/+$/, "")}/store/${key}?method=${method}&expires=${expires}&signature=${signature}`;
  if (onlyNew) return `${url}&onlyNew=1`;
  return part === undefined ? url : `${url}&uploadId=${encodeURIComponent(part.uploadId)}&partNumber=${part.number}`;
}

/** The part that a query names; undefined when it is about a whole object. */
export function partOf(query: URLSearchParams): SignedPart | undefined {
  const [uploadId, number] = [query.get("uploadId"), query.get("partNumber")];
  if (uploadId === null && number === null) return undefined;
  return { uploadId: uploadId ?? "", number: number ?? "" };
}

/** Whether a query is for an object that replaces nothing. */
export function isOnlyNew(query: URLSearchParams): boolean {
  return query.has("onlyNew");
}

/** Judges the query of a request for a key. HEAD is allowed wherever GET is. */
export function verifyUrl(options: {
  secret: string | Uint8Array;
  key: string;
  /** Method of the HTTP request. */
  requestMethod: string;
  query: URLSearchParams;
  nowMs: number;
}): Verdict {
  const { secret, key, requestMethod, query, nowMs } = options;
  const method = query.get("method");
  const expires = query.get("expires");
  const signature = query.get("signature");
  if (method === null || expires === null || signature === null) {
    return refused("signature-missing", "This URL is not signed. Ask the coordinator for a presigned URL.");
  }
  const wanted = signatureOf({ method, key, expires, part: partOf(query), onlyNew: isOnlyNew(query) }, secret);
  const given = /^[0-9a-f]{64}$/.test(signature) ? Buffer.from(signature, "hex") : Buffer.alloc(wanted.length);
  if (!timingSafeEqual(given, wanted)) {
    return refused(
      "signature-wrong",
      "The signature of this URL is wrong: use a presigned URL exactly as it was given.",
    );
  }
  if (method !== (requestMethod === "HEAD" ? "GET" : requestMethod)) {
    return refused("method-not-signed", `This URL was signed for ${method}, not for ${requestMethod}.`);
  }
  if (nowMs >= Number(expires) * 1000) {
    return refused("url-expired", "This URL has expired. Ask the coordinator for a new one.");
  }
  return { ok: true };
}

function refused(reason: string, message: string): Verdict {
  return { ok: false, reason, message };
}

function signatureOf(
  { method, key, expires, part, onlyNew = false }: SignedFacts,
  secret: string | Uint8Array,
): Buffer {
  // The first line keeps these signatures apart from each other and from any other use of the secret.
  const facts =
    part === undefined
      ? `spell-store-${onlyNew ? "new" : "url"}-v1\n${method}\n${expires}\n${key}`
      : `spell-store-part-v1\n${method}\n${expires}\n${key}\n${part.number}\n${part.uploadId}`;
  return createHmac("sha256", secret).update(facts).digest();
}
