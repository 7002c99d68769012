import { SpellError } from "@spell/domain";
import { describe, expect, it } from "vitest";
import { isAbsent, isRangeOutside, s3Error } from "./s3-errors.ts";

function coded(code: string, message = "some text"): Error {
  return Object.assign(new Error(message), { code });
}

describe("s3 errors", () => {
  it.each([
    ["ECONNREFUSED", "unavailable"],
    ["ENOTFOUND", "unavailable"],
    ["ETIMEDOUT", "unavailable"],
    ["HPE_INVALID_CONSTANT", "unavailable"],
    ["SlowDown", "unavailable"],
    ["XMinioServerNotInitialized", "unavailable"],
    ["InvalidAccessKeyId", "unauthenticated"],
    ["SignatureDoesNotMatch", "unauthenticated"],
    ["RequestTimeTooSkewed", "unauthenticated"],
    ["AccessDenied", "forbidden"],
    ["XMinioStorageFull", "exhausted"],
    ["NoSuchBucket", "internal"],
    ["SomethingNew", "internal"],
  ])("%s is %s", (code, expected) => {
    const error = coded(code);
    expect(s3Error(error, "store a")).toMatchObject({ code: expected, cause: error });
    expect(s3Error(error, "store a").message).toMatch(/^Cannot store a: .*\.$/);
  });

  it("an answer that only the library's text tells of is unavailable", () => {
    const error = new Error("Request failed after 0 retries: Error: Retryable HTTP status: 503");
    expect(s3Error(error, "read a").code).toBe("unavailable");
  });

  it("plain objects and anything else that is thrown become errors", () => {
    expect(s3Error({ Code: "SlowDown", Message: "wait" }, "read a").code).toBe("unavailable");
    expect(s3Error("text", "read a").code).toBe("internal");
    expect(s3Error(undefined, "read a").code).toBe("internal");
  });

  it("a SpellError passes unchanged", () => {
    const error = new SpellError("not-found", "There is no such thing.");
    expect(s3Error(error, "read a")).toBe(error);
  });

  it("knows what an absent object and a range outside look like", () => {
    expect(["NoSuchKey", "NotFound", "NoSuchBucket"].map((code) => isAbsent(coded(code)))).toEqual([true, true, false]);
    expect([isRangeOutside(coded("InvalidRange")), isRangeOutside(coded("NoSuchKey"))]).toEqual([true, false]);
    expect(isAbsent(undefined)).toBe(false);
  });
});
