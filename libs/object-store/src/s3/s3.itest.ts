/** The S3 driver against a real MinIO: the contract, and what only this driver can meet. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startMinio } from "@spell/testing";
import type { MinioServer } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf, expectFailure, listed, listedKeys, putTo } from "../contract/helpers.ts";
import { describeObjectStore } from "../contract.ts";
import { createS3Store } from "./s3-store.ts";

describeObjectStore("s3 on MinIO", async () => {
  const minio = await startMinio();
  const store = createS3Store({ ...minio, bucket: "spell-contract" });
  await store.ensureBucket();
  return { store, [Symbol.asyncDispose]: () => minio.stop() };
});

/** Any other store, by hand: SPELL_TEST_S3=http://KEY:SECRET@HOST:PORT. Its bucket `spell-contract` is used and should be new. */
const { SPELL_TEST_S3 } = process.env;
if (SPELL_TEST_S3 !== undefined) {
  describeObjectStore(`s3 at ${new URL(SPELL_TEST_S3).host}`, async () => {
    const { origin: endpoint, username: accessKey, password: secretKey } = new URL(SPELL_TEST_S3);
    const store = createS3Store({ endpoint, accessKey, secretKey, bucket: "spell-contract" });
    await store.ensureBucket();
    return { store, [Symbol.asyncDispose]: () => Promise.resolve() };
  });
}

describe("s3 driver", () => {
  let minio: MinioServer;
  beforeAll(async () => {
    minio = await startMinio();
  }, 90_000);
  afterAll(() => minio.stop(), 30_000);

  it("ensureBucket makes the bucket once, also when two do it at the same time", async () => {
    const [first, second] = [0, 1].map(() => createS3Store({ ...minio, bucket: "made-twice" }));
    await Promise.all([first?.ensureBucket(), second?.ensureBucket()]);
    await first?.ensureBucket();
    await first?.put("a", bytesOf("x"));
    expect(await second?.find("a")).toMatchObject({ key: "a", sizeBytes: 1 });
  });

  it("a bucket that does not exist is told as such, not as an absent object", async () => {
    const store = createS3Store({ ...minio, bucket: "never-made" });
    await expect(store.get("a")).rejects.toMatchObject({ name: "SpellError", reason: "no-such-bucket" });
    await expect(store.put("a", bytesOf("x"))).rejects.toMatchObject({ name: "SpellError", reason: "no-such-bucket" });
  });

  it("wrong credentials are unauthenticated", async () => {
    const { endpoint, accessKey } = minio;
    const unknownKey = createS3Store({
      endpoint,
      bucket: "some-bucket",
      accessKey: "nobody",
      secretKey: "wrong-secret",
    });
    const wrongSecret = createS3Store({ endpoint, bucket: "some-bucket", accessKey, secretKey: "wrong-secret" });
    for (const store of [unknownKey, wrongSecret]) {
      await expectFailure("unauthenticated", () => store.put("a", bytesOf("x")));
      await expectFailure("unauthenticated", () => store.get("a"));
      await expectFailure("unauthenticated", () => listed(store, ""));
    }
  });

  it("presigned URLs point to the public endpoint and are valid there", async () => {
    const publicEndpoint = minio.endpoint.replace("127.0.0.1", "localhost");
    const store = createS3Store({ ...minio, bucket: "with-public", publicEndpoint });
    await store.ensureBucket();
    const url = await store.presignPut("a", 60);
    expect(new URL(url).hostname).toBe("localhost");
    expect(await putTo(url, bytesOf("x"))).toBe(200);
    expect(await listedKeys(store, "")).toEqual(["a"]);
  });

  it("signing sends nothing: it works for a public endpoint that this machine cannot reach", async () => {
    const store = createS3Store({ ...minio, bucket: "far-away", publicEndpoint: "https://s3.invalid" });
    expect(await store.presignGet("a/b", 60)).toMatch(/^https:\/\/s3\.invalid\/far-away\/a\/b/);
  });
});

describe("s3 driver, store away", () => {
  it("a stopped server is unavailable, quickly, for every call", async () => {
    await using minio = await startMinio();
    const store = createS3Store({ ...minio, bucket: "spell-away" });
    await store.ensureBucket();
    await store.put("a", bytesOf("x"));
    await minio.stop();
    const startedAt = performance.now();
    await expectFailure("unavailable", () => store.put("a", bytesOf("x")));
    await expectFailure("unavailable", () => store.get("a"));
    await expectFailure("unavailable", () => store.get("a", { offset: 0, length: 1 }));
    await expectFailure("unavailable", () => store.find("a"));
    await expectFailure("unavailable", () => store.delete("a"));
    await expectFailure("unavailable", () => listed(store, ""));
    await expectFailure("unavailable", () => store.ensureBucket());
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }, 90_000);

  it("a paused server is unavailable after the timeout, and works again when it goes on", async () => {
    await using minio = await startMinio();
    const store = createS3Store({ ...minio, bucket: "spell-paused", timeoutMs: 300 });
    await createS3Store({ ...minio, bucket: "spell-paused" }).ensureBucket();
    minio.process.child.kill("SIGSTOP");
    try {
      await expectFailure("unavailable", () => store.put("a", bytesOf("x")));
      await expectFailure("unavailable", () => store.find("a"));
    } finally {
      minio.process.child.kill("SIGCONT");
    }
    const patient = createS3Store({ ...minio, bucket: "spell-paused" });
    await patient.put("a", bytesOf("x"));
    expect(await patient.find("a")).toMatchObject({ key: "a", sizeBytes: 1 });
  }, 90_000);

  it.each([
    [503, "<Error><Code>SlowDown</Code></Error>", "unavailable"],
    [500, "", "unavailable"],
    [502, "<html>bad gateway</html>", "unavailable"],
    [507, "<Error><Code>XMinioStorageFull</Code><Message>full</Message></Error>", "exhausted"],
    [403, "<Error><Code>AccessDenied</Code></Error>", "forbidden"],
    [403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", "unauthenticated"],
    [418, "what?", "internal"],
  ] as const)(
    "an answer %i %s is %s, and keeps no connection",
    async (status, body, code) => {
      const server = createServer((request, response) => {
        request.resume();
        response.writeHead(status, { "Content-Type": "application/xml" }).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      try {
        const endpoint = `http://127.0.0.1:${port}`;
        const store = createS3Store({ endpoint, bucket: "any-bucket", accessKey: "a", secretKey: "b" });
        // More calls than the client has connections: one that kept its own would stall the rest.
        for (let call = 0; call < 70; call += 1) await expectFailure(code, () => store.put("a", bytesOf("x")));
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
    20_000,
  );
});
