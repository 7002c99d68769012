import { describe, expect, it } from "vitest";
import { ERROR_CODES, SpellError } from "@spell/domain";
import { toHttpError } from "./errors.ts";

describe("an error over HTTP", () => {
  it.each([
    ["invalid-input", 400],
    ["not-found", 404],
    ["already-exists", 409],
    ["conflict", 409],
    ["stale-lease", 409],
    ["unauthenticated", 401],
    ["forbidden", 403],
    ["exhausted", 429],
    ["unavailable", 503],
    ["data-loss", 500],
  ] as const)("%s has status %d and tells its sentence and reason", (code, status) => {
    expect(toHttpError(new SpellError(code, "What happened.", { reason: "why-so" }))).toEqual({
      ...{ status, body: { status: "error", error: "What happened.", code: "why-so" } },
    });
  });

  it("that is no mistake of the client hides its text", () => {
    const secret = "a secret of the inside";
    for (const thrown of [new SpellError("internal", secret), new TypeError(secret), secret, undefined, null]) {
      const { status, body, hidden } = toHttpError(thrown);
      expect({ status, body }).toMatchObject({ status: 500, body: { status: "error", code: "internal" } });
      expect(JSON.stringify(body)).not.toContain("secret");
      expect(hidden).toBe(thrown);
    }
    // A server error of the HTTP library is one of ours.
    expect(toHttpError(Object.assign(new Error(secret), { statusCode: 503 })).status).toBe(500);
  });

  it("has a status for every code", () => {
    for (const code of ERROR_CODES) expect(toHttpError(new SpellError(code, "x")).status).toBeGreaterThanOrEqual(400);
  });
});
