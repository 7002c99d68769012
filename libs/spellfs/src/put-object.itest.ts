import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { putObject } from "./put-object.ts";
import type { PutRequest } from "./put-object.ts";
import { ObjectServer } from "./test-support/object-server.ts";
import type { Fault } from "./test-support/object-server.ts";

const MIB = 1024 * 1024;
/** More than what the system keeps between two processes. */
const SIZE_BYTES = 16 * MIB;

describe("putting an object", () => {
  test.each<[string, Fault[]]>([
    ["nothing", []],
    ["a connection cut at the first byte", [{ kind: "cut", afterBytes: 1 }]],
    ["a connection cut in the middle, twice", [cut(SIZE_BYTES / 2), cut(SIZE_BYTES / 2)]],
    ["a connection cut at the last byte", [cut(SIZE_BYTES)]],
    ["503 after everything, then 429", [status(503), status(429)]],
    ["503 before anything was taken", [{ kind: "early", status: 503 }]],
    ["a store that takes no more", [{ kind: "stall", afterBytes: 3 * MIB }]],
    ["a store that never answers", [{ kind: "hang" }]],
    ["an answer that was lost", [{ kind: "lost" }]],
  ])("goes on after %s", async (_what, faults) => {
    await using server = await ObjectServer.start();
    server.faults.PUT.push(...faults);
    let movedBytes = 0;
    const object = transient(SIZE_BYTES);
    await put(server, { ...object, onBytes: (bytes) => (movedBytes += bytes), options: { stallTimeoutMs: 1_000 } });
    expect(sha256(server.objects.get("key") ?? Buffer.alloc(0))).toBe(object.digest());
    expect(movedBytes).toBe(SIZE_BYTES);
    expect(server.count("PUT")).toBe(faults.length + 1);
  });

  test("a refusal before anything was taken is told, not that the connection broke", async () => {
    await using server = await ObjectServer.start();
    server.faults.PUT.push({ kind: "early", status: 400 });
    const failed = put(server, transient(SIZE_BYTES));
    await expect(failed).rejects.toThrow(/answered 400 \(SlowDown\)/);
    expect(server.count("PUT")).toBe(1);
  });

  test.each<[string, Fault]>([
    ["in the middle", { kind: "stall", afterBytes: MIB }],
    ["while it waits for the answer", { kind: "hang" }],
  ])("is given up %s", async (_what, fault) => {
    await using server = await ObjectServer.start();
    server.faults.PUT.push(fault);
    const enough = new AbortController();
    server.onRequest = () => enough.abort(new Error("enough"));
    const failed = put(server, { ...transient(SIZE_BYTES), options: { signal: enough.signal } });
    await expect(failed).rejects.toThrow("enough");
  });

  test("what the source of the bytes throws ends it, and no object is complete", async () => {
    await using server = await ObjectServer.start();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(MIB));
      throw new Error("unreadable");
    };
    const failed = put(server, { sizeBytes: SIZE_BYTES, body, options: { retries: 0 } });
    await expect(failed).rejects.toThrow("unreadable");
    expect(server.objects.size).toBe(0);
  });

  test("an object of somebody else's in its place is left alone", async () => {
    await using server = await ObjectServer.start();
    server.objects.set("key", Buffer.from("another"));
    const keys = ["key", "key", "free"];
    const nextTarget = () => {
      const objectKey = keys.shift() ?? "key";
      return Promise.resolve({ objectKey, putUrl: server.url(objectKey) });
    };
    const object = transient(MIB);
    expect((await putObject({ ...object, nextTarget, options: {} })).objectKey).toBe("free");
    expect(sha256(server.objects.get("free") ?? Buffer.alloc(0))).toBe(object.digest());
    await expect(putObject({ ...object, nextTarget, options: {} })).rejects.toThrow("answered 412");
    expect(server.objects.get("key")?.toString()).toBe("another");
  });

  test("a server that is not there", async () => {
    const server = await ObjectServer.start();
    const url = server.url("key");
    await server[Symbol.asyncDispose]();
    const failed = putObject({
      ...transient(MIB),
      nextTarget: () => Promise.resolve({ objectKey: "key", putUrl: url }),
      options: { retries: 1, retryDelayMs: 1 },
    });
    await expect(failed).rejects.toMatchObject({ code: "unavailable", reason: "object-store-unavailable" });
    await expect(failed).rejects.toThrow(/failed 2 times.*ECONNREFUSED/);
  });
});

function cut(afterBytes: number): Fault {
  return { kind: "cut", afterBytes };
}

function status(code: number): Fault {
  return { kind: "status", status: code };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function put(server: ObjectServer, request: Partial<PutRequest> & Pick<PutRequest, "body" | "sizeBytes">) {
  return await putObject({
    nextTarget: () => Promise.resolve({ objectKey: "key", putUrl: server.url("key") }),
    ...request,
    options: { retryDelayMs: 1, retries: 3, ...request.options },
  });
}

/** Bytes of which a piece becomes zeros as soon as that is allowed: when two further ones are asked for. */
function transient(sizeBytes: number): { sizeBytes: number; body: () => AsyncIterable<Uint8Array>; digest(): string } {
  const pieces = Array.from({ length: sizeBytes / MIB }, (_, index) => Buffer.alloc(MIB, index + 1));
  return {
    sizeBytes,
    body: async function* () {
      const given: Buffer[] = [];
      for (const piece of pieces) {
        given.push(Buffer.from(piece));
        yield await Promise.resolve(given.at(-1) ?? piece);
        if (given.length > 1) given.shift()?.fill(0);
      }
    },
    digest: () => sha256(Buffer.concat(pieces)),
  };
}
