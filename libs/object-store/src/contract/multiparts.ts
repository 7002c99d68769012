/** Contract: objects that are put in parts are whole or absent, and made of the parts that were named. */
import { describe, expect, it } from "vitest";
import { MAX_PARTS, MIN_PART_BYTES } from "../multipart.ts";
import type { Multipart, PartTag } from "../multipart.ts";
import { MAX_PRESIGN_SECONDS } from "../request-limits.ts";
import type { MultipartInfo, ObjectStore } from "../object-store.ts";
import type { StoreUnderTest } from "./helpers.ts";
import { abortUpload, bytesOf, expectFailure, listedKeys, noise, ownFolder, putPart, sha256 } from "./helpers.ts";

const PART = MIN_PART_BYTES;
const SIZE = 2 * PART + 1_234;

/** Declares this part of the suite. */
export function describeMultiparts(store: StoreUnderTest): void {
  describe("objects in parts", () => {
    it("come into being when complete, whatever the order of the parts, and not before", async () => {
      const multipart = await start(store(), SIZE);
      const body = noise(SIZE);
      const tags: PartTag[] = [];
      for (const number of [3, 1, 2]) {
        tags.push(await put(store(), multipart, number, sliceOf(body, number)));
        expect(await store().find(multipart.key)).toBeUndefined();
        expect(await listedKeys(store(), multipart.key)).toEqual([]);
      }
      const inOrder = [...tags].sort((a, b) => a.number - b.number);
      const sizes = [PART, PART, 1_234];
      expect(await store().listParts(multipart)).toEqual(
        inOrder.map((tag, index) => ({ ...tag, sizeBytes: sizes[index] })),
      );
      await store().completeMultipart(multipart, tags);
      expect(await store().find(multipart.key)).toMatchObject({ key: multipart.key, sizeBytes: SIZE });
      expect(sha256(await store().get(multipart.key))).toBe(sha256(body));
      expect(await unfinished(store(), multipart.key)).toEqual([]);
    }, 60_000);

    it("of one part may be small", async () => {
      const multipart = await start(store(), 3);
      const tag = await put(store(), multipart, 1, bytesOf("abc"));
      await store().completeMultipart(multipart, [tag]);
      expect(Buffer.from(await store().get(multipart.key)).toString()).toBe("abc");
    });

    it("a part put twice: the last one counts, and the first one's name no more", async () => {
      const multipart = await start(store(), 3);
      const first = await put(store(), multipart, 1, bytesOf("old"));
      const last = await put(store(), multipart, 1, bytesOf("new"));
      expect(await store().listParts(multipart)).toEqual([{ ...last, sizeBytes: 3 }]);
      await expectFailure("invalid-input", () => store().completeMultipart(multipart, [first]));
      await store().completeMultipart(multipart, [last]);
      expect(Buffer.from(await store().get(multipart.key)).toString()).toBe("new");
    });

    it("the same bytes put again are the same part", async () => {
      const multipart = await start(store(), 3);
      const first = await put(store(), multipart, 1, bytesOf("abc"));
      expect(await put(store(), multipart, 1, bytesOf("abc"))).toEqual(first);
      await store().abortMultipart(multipart);
    });

    it("refuse to be completed with parts that are missing, wrong, foreign or named twice; and can be afterwards", async () => {
      const multipart = await start(store(), SIZE);
      const body = noise(SIZE);
      const first = await put(store(), multipart, 1, sliceOf(body, 1));
      const second = await put(store(), multipart, 2, sliceOf(body, 2));
      const wrong = { number: 3, etag: first.etag };
      const refused: PartTag[][] = [
        [],
        [first, second],
        [first, second, wrong],
        [first, second, { number: 3, etag: "" }],
        [first, second, { number: 3, etag: "../../x" }],
        [first, second, second],
        [first, second, { number: 0, etag: first.etag }],
        [first, second, { number: -1, etag: first.etag }],
        [first, second, { number: 1e9, etag: first.etag }],
        [first, second, { number: Number.NaN, etag: first.etag }],
      ];
      for (const parts of refused) {
        await expectFailure("invalid-input", () => store().completeMultipart(multipart, parts));
      }
      const third = await put(store(), multipart, 3, sliceOf(body, 3));
      await expectFailure("invalid-input", () => store().completeMultipart(multipart, [first, second, wrong]));
      const [swapped, other] = [
        { ...first, etag: second.etag },
        { ...second, etag: first.etag },
      ];
      await expectFailure("invalid-input", () => store().completeMultipart(multipart, [swapped, other, third]));
      expect(await store().find(multipart.key)).toBeUndefined();
      await store().completeMultipart(multipart, [third, second, first]);
      expect(sha256(await store().get(multipart.key))).toBe(sha256(body));
    }, 60_000);

    it("a part that is cut in the middle is not there, and can be put again", async () => {
      const multipart = await start(store(), SIZE);
      const [body, url] = [noise(PART), await store().presignPart(multipart, 1, 60)];
      await abortUpload(url, { sizeBytes: PART, sent: body.subarray(0, PART / 2) });
      // A whole one behind it: when that is answered the server has long seen the end of the other.
      const second = await put(store(), multipart, 2, body);
      expect(await store().listParts(multipart)).toEqual([{ ...second, sizeBytes: PART }]);
      expect((await putPart(url, body)).status).toBe(200);
      expect((await store().listParts(multipart)).map(({ number }) => number)).toEqual([1, 2]);
      await store().abortMultipart(multipart);
    }, 30_000);

    it("leave nothing when they are aborted, and take nothing afterwards", async () => {
      const multipart = await start(store(), 3);
      const url = await store().presignPart(multipart, 1, 60);
      const tag = await put(store(), multipart, 1, bytesOf("abc"));
      await store().abortMultipart(multipart);
      await store().abortMultipart(multipart);
      expect((await putPart(url, bytesOf("abc"))).status).toBe(404);
      await expectFailure("not-found", () => store().listParts(multipart));
      await expectFailure("not-found", () => store().completeMultipart(multipart, [tag]));
      expect(await unfinished(store(), multipart.key)).toEqual([]);
      expect(await store().find(multipart.key)).toBeUndefined();
    });

    it("completed twice are one object", async () => {
      const multipart = await start(store(), 3);
      const tag = await put(store(), multipart, 1, bytesOf("abc"));
      const url = await store().presignPart(multipart, 1, 60);
      await store().completeMultipart(multipart, [tag]);
      await expectFailure("not-found", () => store().completeMultipart(multipart, [tag]));
      expect((await putPart(url, bytesOf("evl"))).status).toBe(404);
      await store().abortMultipart(multipart);
      expect(Buffer.from(await store().get(multipart.key)).toString()).toBe("abc");
    });

    it("replace the object that was there in one step", async () => {
      const multipart = await start(store(), 3);
      await store().put(multipart.key, bytesOf("before"));
      const tag = await put(store(), multipart, 1, bytesOf("abc"));
      expect(Buffer.from(await store().get(multipart.key)).toString()).toBe("before");
      await store().completeMultipart(multipart, [tag]);
      expect(Buffer.from(await store().get(multipart.key)).toString()).toBe("abc");
    });

    it("of one key do not touch each other", async () => {
      const one = await start(store(), 3);
      const other = { ...one, uploadId: await store().startMultipart(one.key, one) };
      const [mine, theirs] = [await put(store(), one, 1, bytesOf("abc")), await put(store(), other, 1, bytesOf("xyz"))];
      const ids = (await unfinished(store(), one.key)).map(({ uploadId }) => uploadId).sort();
      expect(ids).toEqual([one.uploadId, other.uploadId].sort());
      await expectFailure("invalid-input", () => store().completeMultipart(one, [theirs]));
      await store().completeMultipart(one, [mine]);
      expect(Buffer.from(await store().get(one.key)).toString()).toBe("abc");
      await store().abortMultipart(other);
    });

    it("are listed with the time of their beginning", async () => {
      const multipart = await start(store(), 3);
      const [found] = await unfinished(store(), multipart.key);
      expect(found).toMatchObject({ key: multipart.key, uploadId: multipart.uploadId });
      expect(Math.abs((found?.startedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
      await store().abortMultipart(multipart);
    });

    it.each(["", "..", "../../etc", "a/b", "x".repeat(2_000), "%2e%2e", "a&partNumber=2", "0".repeat(32), "ä\n"])(
      "know nothing of the foreign id %j",
      async (uploadId) => {
        const multipart = { ...(await start(store(), 3)), uploadId };
        await expectFailure("not-found", () => store().listParts(multipart));
        await expectFailure("not-found", () => store().completeMultipart(multipart, [{ number: 1, etag: "a" }]));
        const url = await store()
          .presignPart(multipart, 1, 60)
          .catch(() => undefined);
        if (url !== undefined) expect([400, 404]).toContain((await putPart(url, bytesOf("abc"))).status);
        await store().abortMultipart(multipart);
        expect(await store().find(multipart.key)).toBeUndefined();
      },
    );

    it("an id is good for its own key only", async () => {
      const multipart = await start(store(), 3);
      const tag = await put(store(), multipart, 1, bytesOf("abc"));
      const foreign = { ...multipart, key: `${ownFolder()}/other` };
      await expectFailure("not-found", () => store().listParts(foreign));
      await expectFailure("not-found", () => store().completeMultipart(foreign, [tag]));
      await store().abortMultipart(foreign);
      expect(await store().listParts(multipart)).toHaveLength(1);
      await store().abortMultipart(multipart);
    });

    it("a URL is good for its own part only", async () => {
      const multipart = await start(store(), SIZE);
      const url = await store().presignPart(multipart, 1, 60);
      const whole = url.replace(/&?(uploadId|partNumber)=[^&]*/g, "").replace("?&", "?");
      const stolen = [
        url.replace("partNumber=1", "partNumber=2"),
        whole,
        `${await store().presignPut("a", 60)}&partNumber=1`,
      ];
      for (const each of stolen) expect((await putPart(each, bytesOf("abc"))).status).toBe(403);
      const other = await start(store(), SIZE);
      expect((await putPart(url.replace(multipart.uploadId, other.uploadId), bytesOf("abc"))).status).toBe(403);
      for (const each of [multipart, other]) await store().abortMultipart(each);
    });

    it.each([0, -1, 4, 1.5, Number.NaN, 2 ** 53, 1e12])("have no part %d", async (number) => {
      const multipart = await start(store(), SIZE);
      await expectFailure("invalid-input", () => store().presignPart(multipart, number, 60));
      await store().abortMultipart(multipart);
    });

    it.each([
      ["no bytes", 0, PART],
      ["negative", -1, PART],
      ["a fraction", 1.5, PART],
      ["endless", Number.POSITIVE_INFINITY, PART],
      ["small parts", SIZE, PART - 1],
      ["huge parts", SIZE, 6 * 1024 ** 3],
      ["too many parts", MAX_PARTS * PART + 1, PART],
    ])("are refused: %s", async (_name, sizeBytes, partBytes) => {
      const key = `${ownFolder()}/refused`;
      await expectFailure("invalid-input", () => store().startMultipart(key, { sizeBytes, partBytes }));
      expect(await unfinished(store(), key)).toEqual([]);
    });

    it("of the most parts are taken", async () => {
      const multipart = await start(store(), MAX_PARTS * PART);
      expect(await store().presignPart(multipart, MAX_PARTS, MAX_PRESIGN_SECONDS)).toContain(`partNumber=${MAX_PARTS}`);
      await store().abortMultipart(multipart);
    });

    it("hostile keys are refused", async () => {
      for (const key of ["", "..", "a/../b", "/etc/passwd", "a\0"]) {
        const multipart = { key, uploadId: "0".repeat(32), sizeBytes: 3, partBytes: PART };
        await expectFailure("invalid-input", () => store().startMultipart(key, multipart));
        await expectFailure("invalid-input", () => store().presignPart(multipart, 1, 60));
        await expectFailure("invalid-input", () => store().listParts(multipart));
        await expectFailure("invalid-input", () => store().completeMultipart(multipart, []));
        await expectFailure("invalid-input", () => store().abortMultipart(multipart));
      }
    });
  });
}

async function start(store: ObjectStore, sizeBytes: number): Promise<Multipart> {
  const layout = { sizeBytes, partBytes: PART };
  const key = `${ownFolder()}/in-parts`;
  return { ...layout, key, uploadId: await store.startMultipart(key, layout) };
}

async function put(store: ObjectStore, multipart: Multipart, number: number, body: Uint8Array): Promise<PartTag> {
  const { status, etag } = await putPart(await store.presignPart(multipart, number, 60), body);
  expect(status).toBe(200);
  return { number, etag };
}

function sliceOf(body: Uint8Array, number: number): Uint8Array {
  return body.subarray((number - 1) * PART, number * PART);
}

async function unfinished(store: ObjectStore, key: string): Promise<MultipartInfo[]> {
  const found: MultipartInfo[] = [];
  for await (const multipart of store.listMultiparts(key)) found.push(multipart);
  return found;
}
