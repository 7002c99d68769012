/** What an S3 server or the network says, in the product's words. */
import { SpellError, messageOf } from "@spell/domain";

const CREDENTIAL_CODES = new Set([
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "InvalidToken",
  "ExpiredToken",
  "TokenRefreshRequired",
]);

const BUSY_CODES = new Set([
  "SlowDown",
  "ServiceUnavailable",
  "InternalError",
  "RequestTimeout",
  "OperationAborted",
  "XMinioServerNotInitialized",
  "XMinioReadQuorum",
  "XMinioWriteQuorum",
]);

/** Codes of node for a network or a server that is away; any parse error of HTTP counts too. */
const NETWORK_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/** Whether the server said that there is no such object. */
export function isAbsent(error: unknown): boolean {
  return ["NoSuchKey", "NotFound"].includes(codeOf(error) ?? "");
}

/** Whether the server said that the range is outside the object. */
export function isRangeOutside(error: unknown): boolean {
  return codeOf(error) === "InvalidRange";
}

/** What MinIO says of an id that it cannot have given; the key was checked before. */
const FOREIGN_ID_CODES = ["NoSuchKey", "XMinioInvalidResourceName", "XMinioInvalidObjectName"];

/** Whether the server knows no such object in the making. */
export function isMultipartAbsent(error: unknown): boolean {
  return ["NoSuchUpload", ...FOREIGN_ID_CODES].includes(codeOf(error) ?? "");
}

/** The SpellError for a failed call; a SpellError passes unchanged. `doing` completes "Cannot …". */
export function s3Error(error: unknown, doing: string): SpellError {
  if (error instanceof SpellError) return error;
  const code = codeOf(error) ?? "";
  const text = textOf(error);
  const because = (why: string): string => `Cannot ${doing}: ${why}`;
  if (NETWORK_CODES.has(code) || code.startsWith("HPE_")) {
    const why = `the S3 server cannot be reached (${code}${text === "" ? "" : `: ${text}`}). Check that it runs.`;
    return new SpellError("unavailable", because(why), { cause: error });
  }
  // The client library tells of an answer 5xx or 429 only by this text.
  if (BUSY_CODES.has(code) || /Retryable HTTP status: [0-9]+/.test(text)) {
    const why = `the S3 server is busy or failing (${code === "" ? text : code}). Try again.`;
    return new SpellError("unavailable", because(why), { cause: error });
  }
  if (CREDENTIAL_CODES.has(code)) {
    const why = `the S3 server does not know these credentials (${code}). Check access key and secret key.`;
    return new SpellError("unauthenticated", because(why), { reason: "bad-credentials", cause: error });
  }
  switch (code) {
    case "AccessDenied":
    case "AllAccessDisabled": {
      const why = "the S3 server denies access. Check the credentials and what they are allowed to do.";
      return new SpellError("forbidden", because(why), { reason: "access-denied", cause: error });
    }
    case "RequestTimeTooSkewed": {
      const why = "the clock of this machine differs too much from the S3 server's. Set it right.";
      return new SpellError("unauthenticated", because(why), { reason: "clock-skew", cause: error });
    }
    case "NoSuchBucket":
      // Not `not-found`: that would read as an absent object, and so as lost data.
      return new SpellError("internal", because("the bucket does not exist. Create it."), {
        reason: "no-such-bucket",
        cause: error,
      });
    case "XMinioStorageFull":
    case "QuotaExceeded":
    case "XMinioAdminBucketQuotaExceeded":
      return new SpellError("exhausted", because("the disks of the S3 server are full. Free some space there."), {
        reason: "disk-full",
        cause: error,
      });
    default: {
      const why = `the S3 server answered ${code === "" ? "with an error" : code} (${text === "" ? "no reason given" : text}).`;
      return new SpellError("internal", because(why), { cause: error });
    }
  }
}

/** S3's code (`NoSuchKey`) or node's (`ECONNREFUSED`); the library also throws plain objects with a `Code`. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code = "code" in error ? error.code : "Code" in error ? error.Code : undefined;
  return typeof code === "string" && code !== "" ? code : undefined;
}

function textOf(error: unknown): string {
  if (error instanceof Error) return messageOf(error);
  if (typeof error === "object" && error !== null && "Message" in error) return String(error.Message);
  return "";
}
