/** The handler over raw HTTP: what fetch would never send, and what only this server answers. */
import { once } from "node:events";
import { readdir, readlink } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tempFolder, waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf, getFrom, listedKeys, noise } from "../contract/helpers.ts";
import { startServedStore } from "./served-store.fixture.ts";
import type { ServedStore } from "./served-store.fixture.ts";

describe("store handler", () => {
  let served: ServedStore;
  const resources = new AsyncDisposableStack();
  beforeAll(async () => {
    const folder = resources.use(await tempFolder());
    served = resources.use(await startServedStore(folder.path, { maxObjectBytes: 1_000_000, idleTimeoutMs: 400 }));
  });
  afterAll(() => resources.disposeAsync());

  it("HEAD gives the headers of GET, ranges included", async () => {
    await served.store.put("digits", bytesOf("0123456789"));
    const url = await served.store.presignGet("digits", 60);
    const whole = await fetch(url, { method: "HEAD" });
    expect([whole.status, whole.headers.get("content-length")]).toEqual([200, "10"]);
    expect(whole.headers.get("accept-ranges")).toBe("bytes");
    const part = await fetch(url, { method: "HEAD", headers: { Range: "bytes=2-4" } });
    expect([part.status, part.headers.get("content-length")]).toEqual([206, "3"]);
    const absent = await fetch(await served.store.presignGet("absent", 60), { method: "HEAD" });
    expect(absent.status).toBe(404);
  });

  it("no browser takes an object for a page", async () => {
    await served.store.put("page.html", bytesOf("<script>alert(1)</script>"));
    const { headers } = await getFrom(await served.store.presignGet("page.html", 60));
    expect(headers.get("content-type")).toBe("application/octet-stream");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("an unsatisfiable range names the object's size", async () => {
    await served.store.put("digits", bytesOf("0123456789"));
    const got = await getFrom(await served.store.presignGet("digits", 60), "bytes=10-");
    expect([got.status, got.headers.get("content-range")]).toEqual([416, "bytes */10"]);
  });

  it("refusals are JSON with a sentence, a code and a reason", async () => {
    const cases: readonly [status: number, reason: string, url: string, init: RequestInit][] = [
      [403, "signature-missing", `${served.publicUrl}/store/a`, {}],
      [403, "signature-wrong", `${(await served.store.presignGet("a", 60)).slice(0, -1)}x`, {}],
      [403, "method-not-signed", await served.store.presignGet("a", 60), { method: "PUT", body: "x" }],
      [404, "no-such-object", await served.store.presignGet("absent", 60), {}],
      [404, "no-such-path", `${served.publicUrl}/other`, {}],
      [405, "method-unknown", await served.store.presignGet("a", 60), { method: "DELETE" }],
      [400, "bad-key", `${served.publicUrl}/store/a%00b`, {}],
      [400, "bad-key", `${served.publicUrl}/store/a%zz`, {}],
      [413, "object-too-large", await served.store.presignPut("a", 60), { method: "PUT", body: "x".repeat(1_000_001) }],
    ];
    for (const [status, reason, url, init] of cases) {
      const response = await fetch(url, init);
      const body: unknown = await response.json();
      expect([response.status, body]).toMatchObject([status, { reason, error: expect.stringMatching(/ .*\.$/) }]);
    }
  });

  it.each([
    "/store/../../etc/passwd",
    "/store/%2e%2e/%2e%2e/etc/passwd",
    "/store//etc/passwd",
    "/store/a\\b",
    "/store/",
  ])("refuses the path %s", async (path) => {
    const answer = await rawAnswer(served.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*"reason":"bad-key"/s);
    expect(answer).not.toContain("root:");
  });

  it("a PUT without Content-Length is refused with 411 and stores nothing", async () => {
    const target = pathOf(await served.store.presignPut("chunked", 60));
    const head = `PUT ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    expect(await rawAnswer(served.port, `${head}5\r\nhello\r\n0\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 411 .*length-required/s,
    );
    expect(await served.store.find("chunked")).toBeUndefined();
  });

  it("a body that ends early is thrown away", async () => {
    const target = pathOf(await served.store.presignPut("short", 60));
    const head = `PUT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n`;
    expect(await rawAnswer(served.port, `${head}only this`, { end: true })).not.toContain("200 OK");
    expect(await listedKeys(served.store, "short")).toEqual([]);
  });

  it("a client that stops in the middle of a body is cut off after the idle limit", async () => {
    const target = pathOf(await served.store.presignPut("stuck", 60));
    const head = `PUT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n`;
    expect(await rawAnswer(served.port, `${head}and then nothing`)).not.toContain("200 OK");
    expect(await listedKeys(served.store, "stuck")).toEqual([]);
  });

  it("a refused upload is read far enough that its client learns why", async () => {
    // The worst client: it reads nothing before all of its body is out.
    const body = Buffer.alloc(6_000_000, "x");
    const head = `PUT /store/big HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
    const answer = await rawAnswer(served.port, head + body.toString(), { readLate: true });
    expect(answer).toMatch(/^HTTP\/1\.1 403 .*"reason":"signature-missing"/s);
  });

  it("a client that leaves in the middle of a download leaves no file open", async () => {
    await served.store.put("long", noise(20_000_000));
    const leaving = new AbortController();
    const response = await fetch(await served.store.presignGet("long", 60), { signal: leaving.signal });
    expect(await openFiles(served.root)).toBe(1);
    await response.body?.getReader().read();
    leaving.abort();
    await waitFor("the file to be closed", async () => (await openFiles(served.root)) === 0);
  });

  it("a connection goes on after refusals and objects", async () => {
    await served.store.put("digits", bytesOf("0123456789"));
    const good = pathOf(await served.store.presignGet("digits", 60));
    const get = (target: string, rest = ""): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${rest}\r\n`;
    const answer = await rawAnswer(
      served.port,
      get(good) + get("/store/digits") + get(good, "Range: bytes=3-4\r\nConnection: close\r\n"),
    );
    expect([...answer.matchAll(/HTTP\/1\.1 ([0-9]+)/g)].map((match) => match[1])).toEqual(["200", "403", "206"]);
    expect(answer.endsWith("34")).toBe(true);
  });

  it("none of these was a failure of ours, or left a file open", async () => {
    expect(served.errors).toEqual([]);
    expect(await openFiles(served.root)).toBe(0);
  });
});

function pathOf(url: string): string {
  return url.slice(url.indexOf("/store/"));
}

/** How many files below the folder this process has open. */
async function openFiles(folder: string): Promise<number> {
  const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(links)).filter((target) => target.startsWith(folder)).length;
}

/** Sends bytes as they are, gives all that comes back until the server closes. */
async function rawAnswer(
  port: number,
  text: string,
  options: { end?: boolean; readLate?: boolean } = {},
): Promise<string> {
  const socket: Socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const sent = new Promise((resolve) => socket[options.end === true ? "end" : "write"](text, resolve));
  if (options.readLate === true) await sent;
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}
