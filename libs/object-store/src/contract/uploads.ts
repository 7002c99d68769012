/** Contract: an upload that does not end well leaves nothing visible. */
import { describe, expect, it } from "vitest";
import type { StoreUnderTest } from "./helpers.ts";
import { abortUpload, bytesOf, listedKeys, noise, ownFolder, putTo, uploadStream } from "./helpers.ts";

const MIB = 1024 * 1024;

/** Declares this part of the suite. */
export function describeUploads(store: StoreUnderTest): void {
  describe("uploads", () => {
    it("an aborted upload leaves nothing visible, and the URL can be used again", async () => {
      const folder = ownFolder();
      const url = await store().presignPut(`${folder}/cut`, 60);
      await abortUpload(url, { sizeBytes: 8 * MIB, sent: noise(3 * MIB) });
      // A complete upload behind it: when this is answered the server has long seen the end of the other.
      expect(await putTo(await store().presignPut(`${folder}/whole`, 60), noise(MIB))).toBe(200);
      expect(await store().find(`${folder}/cut`)).toBeUndefined();
      expect(await listedKeys(store(), folder)).toEqual([`${folder}/whole`]);
      expect(await putTo(url, bytesOf("again"))).toBe(200);
      expect(Buffer.from(await store().get(`${folder}/cut`)).toString()).toBe("again");
    }, 30_000);

    it("an aborted upload leaves the object that was there", async () => {
      const key = `${ownFolder()}/kept`;
      await store().put(key, bytesOf("old"));
      await abortUpload(await store().presignPut(key, 60), { sizeBytes: 2 * MIB, sent: noise(MIB) });
      expect(await putTo(await store().presignPut(`${key}-other`, 60), noise(MIB))).toBe(200);
      expect(Buffer.from(await store().get(key)).toString()).toBe("old");
    }, 30_000);

    it("an object is invisible while its upload is running", async () => {
      const key = `${ownFolder()}/slow`;
      const url = await store().presignPut(key, 60);
      const half = noise(MIB);
      const halfSent = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      const body = async function* (): AsyncGenerator<Uint8Array> {
        yield half;
        halfSent.resolve(); // asked for more: the first half has gone out
        await goOn.promise;
        yield half;
      };
      const upload = uploadStream(url, body(), 2 * MIB);
      await halfSent.promise;
      expect(await store().find(key)).toBeUndefined();
      expect(await listedKeys(store(), key)).toEqual([]);
      goOn.resolve();
      expect(await upload).toBe(200);
      expect(await store().find(key)).toMatchObject({ key, sizeBytes: 2 * MIB });
    }, 30_000);
  });
}
