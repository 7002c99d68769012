import { Metadata, status } from "@grpc/grpc-js";
import { ERROR_CODES, SpellError } from "@spell/domain";
import { describe, expect, test } from "vitest";
import { CORRELATION_METADATA_KEY, STATUS_OF_CODE, fromServiceError, isUnavailable, toServiceError } from "./status.ts";

describe("status table", () => {
  test("gives every code a status of its own", () => {
    expect(new Set(ERROR_CODES.map((code) => STATUS_OF_CODE[code])).size).toBe(ERROR_CODES.length);
  });

  test.each(ERROR_CODES.filter((code) => code !== "internal"))("%s travels unchanged", (code) => {
    const back = fromServiceError(
      toServiceError(new SpellError(code, "What happened – and why.", { reason: "why-so" })),
    );
    expect(back).toMatchObject({ name: "SpellError", code, reason: "why-so", message: "What happened – and why." });
  });

  test.each([new Error("secret path"), new SpellError("internal", "secret path"), "secret path"])(
    "hides the text of what is not for the caller",
    (thrown) => {
      let logged: unknown[] = [];
      const sent = toServiceError(thrown, { onInternal: (...args) => (logged = args) });
      expect(sent.code).toBe(status.INTERNAL);
      expect(sent.details).not.toContain("secret");
      expect(logged).toEqual([sent.metadata.get(CORRELATION_METADATA_KEY)[0], thrown]);
      expect(sent.details).toContain(String(logged[0]));
      expect(fromServiceError(sent).code).toBe("internal");
    },
  );

  test.each([
    ["half of a character", `no such thing: ${"\u{1f600}".slice(0, 1)}`, "no such thing: \ufffd"],
    ["too long for a trailer", "m".repeat(1_000_000), `${"m".repeat(2_000)}…`],
    ["cut in the middle of a character", "m".repeat(1_999) + "\u{1f600}", `${"m".repeat(1_999)}\ufffd…`],
  ])("sends a message that is %s as far as it can be sent", (_what, message, expected) => {
    const sent = toServiceError(new SpellError("invalid-input", message));
    expect(sent.details).toBe(expected);
    expect(() => encodeURI(sent.details)).not.toThrow();
  });

  test("takes a hostile reason without breaking the metadata", () => {
    const sent = toServiceError(new SpellError("conflict", "x", { reason: "a\nb: ü" }));
    expect(fromServiceError(sent)).toMatchObject({ code: "conflict", reason: "a?b: ?" });
  });
});

describe("fromServiceError - errors of the transport", () => {
  const transport = (code: status, details: string): Error =>
    Object.assign(new Error(details), { code, details, metadata: new Metadata() });

  test.each([
    [status.UNAVAILABLE, "ECONNREFUSED", "unavailable", "unreachable", true],
    [status.DEADLINE_EXCEEDED, "late", "unavailable", "deadline-exceeded", true],
    [status.INTERNAL, "Received RST_STREAM with code 2", "unavailable", "unreachable", true],
    [status.CANCELLED, "gone", "unavailable", "unreachable", true],
    [status.UNIMPLEMENTED, "no method", "internal", "unimplemented", false],
    [status.INTERNAL, "bad", "internal", "internal", false],
    [status.RESOURCE_EXHAUSTED, "message too large", "exhausted", "exhausted", false],
    [status.UNKNOWN, "?", "internal", "internal", false],
  ])("status %d (%s) is %s/%s", (code, details, expected, reason, retry) => {
    const error = fromServiceError(transport(code, details), { address: "host:1" });
    expect(error).toMatchObject({ code: expected, reason });
    expect(isUnavailable(error)).toBe(retry);
  });

  test("a SpellError passes unchanged, anything else is internal", () => {
    const error = new SpellError("conflict", "x");
    expect(fromServiceError(error)).toBe(error);
    expect(fromServiceError(new TypeError("boom")).code).toBe("internal");
  });
});
