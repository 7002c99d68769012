import { describe, expect, it } from "vitest";
import { startMinio } from "./minio.ts";

describe("startMinio", () => {
  it("serves S3 on the address asked for, with credentials of its own, until it is stopped", async () => {
    await using first = await startMinio({ address: "127.0.0.2" });
    await using second = await startMinio();
    expect(first.endpoint).toMatch(/^http:\/\/127\.0\.0\.2:[0-9]+$/);
    expect(second.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:[0-9]+$/);
    expect(first.secretKey).not.toBe(second.secretKey);
    await first.stop();
    await first.stop();
    await expect(fetch(first.endpoint)).rejects.toThrow();
    expect((await fetch(second.endpoint)).status).toBe(403);
  }, 90_000);

  it("says why when it cannot start", async () => {
    await expect(startMinio({ address: "192.0.2.1" })).rejects.toThrow(/MinIO did not start/);
  }, 90_000);
});
