import { describe, expect, it } from "vitest";
import { signUrl, verifyUrl } from "./url-signature.ts";

const secret = "a secret for the test";
const nowMs = 1_700_000_000_000;
const url = signUrl({
  publicUrl: "http://host:1/",
  secret,
  method: "GET",
  key: "a/b",
  expiresAtSeconds: nowMs / 1000 + 60,
});

function verdict(change: { url?: string; key?: string; method?: string; atMs?: number; secret?: string } = {}): string {
  const query = new URL(change.url ?? url).searchParams;
  const result = verifyUrl({
    secret: change.secret ?? secret,
    key: change.key ?? "a/b",
    requestMethod: change.method ?? "GET",
    query,
    nowMs: change.atMs ?? nowMs,
  });
  return result.ok ? "ok" : result.reason;
}

describe("url signature", () => {
  it("has the documented form", () => {
    expect(url).toMatch(/^http:\/\/host:1\/store\/a\/b\?method=GET&expires=1700000060&signature=[0-9a-f]{64}$/);
  });

  it("lets in what was signed, HEAD with GET, until the second it expires", () => {
    expect(verdict()).toBe("ok");
    expect(verdict({ method: "HEAD" })).toBe("ok");
    expect(verdict({ atMs: nowMs + 59_999 })).toBe("ok");
    expect(verdict({ atMs: nowMs + 60_000 })).toBe("url-expired");
  });

  it.each([
    ["another method", { method: "PUT" }, "method-not-signed"],
    ["another key", { key: "a/c" }, "signature-wrong"],
    ["another secret", { secret: "another secret for it" }, "signature-wrong"],
    ["another method in the URL", { url: url.replace("method=GET", "method=PUT"), method: "PUT" }, "signature-wrong"],
    ["a later expiry", { url: url.replace("1700000060", "1800000060") }, "signature-wrong"],
    ["an expiry of another spelling", { url: url.replace("1700000060", "+1700000060") }, "signature-wrong"],
    ["no number as expiry", { url: url.replace("1700000060", "soon") }, "signature-wrong"],
    ["a cut signature", { url: url.slice(0, -1) }, "signature-wrong"],
    ["a longer signature", { url: `${url}0` }, "signature-wrong"],
    ["an empty signature", { url: url.replace(/signature=.*/, "signature=") }, "signature-wrong"],
    ["zeros as signature", { url: url.replace(/signature=.*/, `signature=${"0".repeat(64)}`) }, "signature-wrong"],
    ["no signature", { url: url.replace(/&signature=.*/, "") }, "signature-missing"],
    ["no query", { url: url.replace(/\?.*/, "") }, "signature-missing"],
  ])("refuses %s", (_name, change, reason) => {
    expect(verdict(change)).toBe(reason);
  });

  it("method, expiry and key cannot flow into each other", () => {
    const at = { publicUrl: "http://h", secret, method: "GET" as const };
    const one = signUrl({ ...at, key: "1/a", expiresAtSeconds: 1 });
    const other = signUrl({ ...at, key: "a", expiresAtSeconds: 11 });
    expect(one.slice(-64)).not.toBe(other.slice(-64));
  });
});
