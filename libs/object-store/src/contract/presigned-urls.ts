/** Contract: a presigned URL allows one thing with one key until it expires, and nothing else. */
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { MAX_PRESIGN_SECONDS } from "../request-limits.ts";
import type { StoreUnderTest } from "./helpers.ts";
import { bytesOf, getFrom, listedKeys, noise, ownFolder, putTo, sha256 } from "./helpers.ts";

/** Declares this part of the suite. */
export function describePresignedUrls(store: StoreUnderTest): void {
  describe("presigned URLs", () => {
    it("PUT, then GET", async () => {
      const key = `${ownFolder()}/sent`;
      expect(await putTo(await store().presignPut(key, 60), bytesOf("sent by URL"))).toBe(200);
      expect(Buffer.from(await store().get(key)).toString()).toBe("sent by URL");
      const got = await getFrom(await store().presignGet(key, MAX_PRESIGN_SECONDS));
      expect(got.status).toBe(200);
      expect(Buffer.from(got.bytes).toString()).toBe("sent by URL");
    });

    it("a URL works more than once; the last PUT wins", async () => {
      const key = `${ownFolder()}/twice`;
      const url = await store().presignPut(key, 60);
      expect(await putTo(url, bytesOf("a longer first body"))).toBe(200);
      expect(await putTo(url, bytesOf("second"))).toBe(200);
      expect(Buffer.from(await store().get(key)).toString()).toBe("second");
    });

    it("a URL for new objects replaces nothing, whoever put what is there", async () => {
      const folder = ownFolder();
      const onlyNew = { "if-none-match": "*" };
      const urlOf = (name: string) => store().presignPut(`${folder}/${name}`, 60, { onlyNew: true });
      const contentOf = async (name: string) => Buffer.from(await store().get(`${folder}/${name}`)).toString();
      const url = await urlOf("a");
      // Whoever leaves the header away would replace.
      expect([400, 403]).toContain(await putTo(url, bytesOf("evil")));
      expect(await store().find(`${folder}/a`)).toBeUndefined();
      expect(await putTo(url, bytesOf("first"), onlyNew)).toBe(200);
      for (const again of [url, await urlOf("a")]) expect(await putTo(again, bytesOf("evil"), onlyNew)).toBe(412);
      expect([400, 403]).toContain(await putTo(url, bytesOf("evil")));
      expect([400, 403]).toContain(
        await putTo(url.replace("&onlyNew=1", "").replace("%3Bif-none-match", ""), bytesOf("evil")),
      );
      expect(await contentOf("a")).toBe("first");
      await store().put(`${folder}/b`, bytesOf("of the store's own"));
      expect(await putTo(await urlOf("b"), bytesOf("evil"), onlyNew)).toBe(412);
      expect(await contentOf("b")).toBe("of the store's own");
      await store().put(`${folder}/b`, bytesOf("replaced"));
      expect(await contentOf("b")).toBe("replaced");
    });

    it("of many PUTs of a new object at once one wins", async () => {
      const key = `${ownFolder()}/raced`;
      const url = await store().presignPut(key, 60, { onlyNew: true });
      const bodies = ["one", "two", "three", "four"];
      const statuses = await Promise.all(bodies.map((body) => putTo(url, bytesOf(body), { "if-none-match": "*" })));
      const [winner, ...others] = bodies.filter((_, index) => statuses[index] === 200);
      expect(others).toEqual([]);
      expect(
        statuses.every((status) => [200, 409, 412].includes(status)),
        String(statuses),
      ).toBe(true);
      expect(Buffer.from(await store().get(key)).toString()).toBe(winner);
    });

    it("0 bytes and 20 MiB", async () => {
      const folder = ownFolder();
      for (const body of [new Uint8Array(0), noise(20 * 1024 * 1024)]) {
        const key = `${folder}/${body.byteLength}`;
        expect(await putTo(await store().presignPut(key, 60), body)).toBe(200);
        expect(await store().find(key)).toMatchObject({ key, sizeBytes: body.byteLength });
        const got = await getFrom(await store().presignGet(key, 60));
        expect([got.status, sha256(got.bytes)]).toEqual([200, sha256(body)]);
      }
    }, 60_000);

    it.each([
      ["bytes=0-2", "012", "bytes 0-2/10"],
      ["bytes=4-6", "456", "bytes 4-6/10"],
      ["bytes=9-9", "9", "bytes 9-9/10"],
      ["bytes=7-", "789", "bytes 7-9/10"],
      ["bytes=7-99", "789", "bytes 7-9/10"],
      ["bytes=-2", "89", "bytes 8-9/10"],
    ])("GET with Range: %s", async (range, expected, contentRange) => {
      const key = `${ownFolder()}/digits`;
      await store().put(key, bytesOf("0123456789"));
      const got = await getFrom(await store().presignGet(key, 60), range);
      expect(got.status).toBe(206);
      expect(Buffer.from(got.bytes).toString()).toBe(expected);
      expect(got.headers.get("content-range")).toBe(contentRange);
    });

    it("GET with a range outside the object: 416", async () => {
      const folder = ownFolder();
      await store().put(`${folder}/digits`, bytesOf("0123456789"));
      await store().put(`${folder}/empty`, new Uint8Array(0));
      expect((await getFrom(await store().presignGet(`${folder}/digits`, 60), "bytes=10-12")).status).toBe(416);
      expect((await getFrom(await store().presignGet(`${folder}/empty`, 60), "bytes=0-0")).status).toBe(416);
    });

    it("GET of an absent object: 404", async () => {
      expect((await getFrom(await store().presignGet(`${ownFolder()}/absent`, 60))).status).toBe(404);
    });

    it("no signature, or a wrong one: 403, and nothing is stored", async () => {
      const folder = ownFolder();
      const [getUrl, putUrl] = [
        await store().presignGet(`${folder}/a`, 60),
        await store().presignPut(`${folder}/b`, 60),
      ];
      await store().put(`${folder}/a`, bytesOf("secret"));
      for (const spoil of [withoutQuery, withOtherSignature, withShortSignature]) {
        const got = await getFrom(spoil(getUrl));
        expect(got.status).toBe(403);
        expect(Buffer.from(got.bytes).toString()).not.toContain("secret");
        expect(await putTo(spoil(putUrl), bytesOf("evil"))).toBe(403);
      }
      expect(await listedKeys(store(), folder)).toEqual([`${folder}/a`]);
    });

    it("a URL for one method does not allow another", async () => {
      const folder = ownFolder();
      await store().put(`${folder}/a`, bytesOf("kept"));
      expect((await getFrom(await store().presignPut(`${folder}/a`, 60))).status).toBe(403);
      expect(await putTo(await store().presignGet(`${folder}/a`, 60), bytesOf("evil"))).toBe(403);
      const deletion = await fetch(await store().presignPut(`${folder}/a`, 60), { method: "DELETE" });
      await deletion.arrayBuffer();
      expect([403, 405]).toContain(deletion.status);
      expect(Buffer.from(await store().get(`${folder}/a`)).toString()).toBe("kept");
    });

    it("a URL for one key does not open another", async () => {
      const folder = ownFolder();
      await store().put(`${folder}/mine`, bytesOf("mine"));
      await store().put(`${folder}/theirs`, bytesOf("theirs"));
      const swap = (url: string): string => url.replace(`${folder}/mine`, `${folder}/theirs`);
      expect((await getFrom(swap(await store().presignGet(`${folder}/mine`, 60)))).status).toBe(403);
      expect(await putTo(swap(await store().presignPut(`${folder}/mine`, 60)), bytesOf("evil"))).toBe(403);
      expect(Buffer.from(await store().get(`${folder}/theirs`)).toString()).toBe("theirs");
    });

    it("a later expiry cannot be written into a URL", async () => {
      const key = `${ownFolder()}/a`;
      await store().put(key, bytesOf("x"));
      const url = new URL(await store().presignGet(key, 60));
      for (const name of ["expires", "X-Amz-Expires"]) {
        const value = url.searchParams.get(name);
        if (value !== null) url.searchParams.set(name, String(Number(value) + 3600));
      }
      expect((await getFrom(url.href)).status).toBe(403);
    });

    it("an expired URL: 403 for GET and PUT", async () => {
      const folder = ownFolder();
      await store().put(`${folder}/a`, bytesOf("x"));
      const [getUrl, putUrl] = [await store().presignGet(`${folder}/a`, 1), await store().presignPut(`${folder}/b`, 1)];
      await waitFor("the URL to expire", async () => (await getFrom(getUrl)).status === 403, { timeoutMs: 10_000 });
      expect(await putTo(putUrl, bytesOf("late"))).toBe(403);
      expect(await store().find(`${folder}/b`)).toBeUndefined();
    }, 20_000);
  });
}

function withoutQuery(url: string): string {
  return url.slice(0, url.indexOf("?"));
}

/** Another signature of the same form: its last digit is changed. */
function withOtherSignature(url: string): string {
  return url.replace(/(signature=[0-9a-f]*)([0-9a-f])/i, (_all, start: string, last: string) => {
    return start + (last === "0" ? "1" : "0");
  });
}

function withShortSignature(url: string): string {
  return url.replace(/(signature=[0-9a-f]{10})[0-9a-f]*/i, "$1");
}
