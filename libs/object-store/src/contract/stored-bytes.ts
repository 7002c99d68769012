/** Contract: what was put can be got, found, replaced and deleted, whole and in ranges. */
import { describe, expect, it } from "vitest";
import type { StoreUnderTest } from "./helpers.ts";
import { bytesOf, expectFailure, listedKeys, noise, ownFolder, sha256 } from "./helpers.ts";

const MIB = 1024 * 1024;

/** Declares this part of the suite. */
export function describeStoredBytes(store: StoreUnderTest): void {
  describe("stored bytes", () => {
    it("put, find, get, delete", async () => {
      const key = `${ownFolder()}/hello.txt`;
      await store().put(key, bytesOf("hello"));
      expect(await store().find(key)).toMatchObject({ key, sizeBytes: 5 });
      expect(Buffer.from(await store().get(key)).toString()).toBe("hello");
      await store().delete(key);
      expect(await store().find(key)).toBeUndefined();
    });

    it("takes a view into a larger buffer for its bytes only", async () => {
      const key = `${ownFolder()}/view`;
      await store().put(key, bytesOf("0123456789").subarray(3, 6));
      expect(Buffer.from(await store().get(key)).toString()).toBe("345");
    });

    it("keeps an object of 0 bytes", async () => {
      const key = `${ownFolder()}/empty`;
      await store().put(key, new Uint8Array(0));
      expect(await store().find(key)).toMatchObject({ key, sizeBytes: 0 });
      expect((await store().get(key)).byteLength).toBe(0);
      expect((await store().get(key, { offset: 0, length: 0 })).byteLength).toBe(0);
      await expectFailure("invalid-input", () => store().get(key, { offset: 0, length: 1 }));
    });

    it("keeps an object of 20 MiB", async () => {
      const key = `${ownFolder()}/big`;
      const body = noise(20 * MIB);
      await store().put(key, body);
      expect(await store().find(key)).toMatchObject({ key, sizeBytes: 20 * MIB });
      expect(sha256(await store().get(key))).toBe(sha256(body));
      const part = await store().get(key, { offset: 7 * MIB + 1, length: 6 * MIB });
      expect(sha256(part)).toBe(sha256(body.subarray(7 * MIB + 1, 13 * MIB + 1)));
    }, 60_000);

    it.each([
      ["the start", 0, 3, "012"],
      ["the middle", 4, 3, "456"],
      ["the last byte", 9, 1, "9"],
      ["all of it", 0, 10, "0123456789"],
      ["nothing in the middle", 4, 0, ""],
      ["nothing at the end", 10, 0, ""],
    ])("gets a range: %s", async (_name, offset, length, expected) => {
      const key = `${ownFolder()}/digits`;
      await store().put(key, bytesOf("0123456789"));
      expect(Buffer.from(await store().get(key, { offset, length })).toString()).toBe(expected);
    });

    it.each([
      ["beyond the end", 10, 1],
      ["across the end", 8, 3],
      ["empty, beyond the end", 11, 0],
      ["negative offset", -1, 2],
      ["negative length", 1, -1],
      ["fraction", 0.5, 1],
      ["not a number", Number.NaN, 1],
      ["endless", 0, Number.POSITIVE_INFINITY],
    ])("refuses a range: %s", async (_name, offset, length) => {
      const key = `${ownFolder()}/digits`;
      await store().put(key, bytesOf("0123456789"));
      await expectFailure("invalid-input", () => store().get(key, { offset, length }));
    });

    it("absent keys: get refuses, find gives undefined, delete is fine", async () => {
      const key = `${ownFolder()}/absent`;
      await expectFailure("not-found", () => store().get(key));
      await expectFailure("not-found", () => store().get(key, { offset: 0, length: 1 }));
      await expectFailure("not-found", () => store().get(key, { offset: 0, length: 0 }));
      expect(await store().find(key)).toBeUndefined();
      await store().delete(key);
    });

    it("a key may be the beginning of another's path", async () => {
      const folder = ownFolder();
      const keys = [`${folder}/a`, `${folder}/a/b`, `${folder}/a/b/c`];
      // The longest first, then the shortest: neither order may matter.
      for (const key of [keys[2], keys[0], keys[1]]) await store().put(key ?? "", bytesOf(key ?? ""));
      for (const key of keys) expect(Buffer.from(await store().get(key)).toString()).toBe(key);
      expect(await listedKeys(store(), `${folder}/`)).toEqual(keys);
      await store().delete(`${folder}/a`);
      expect(await listedKeys(store(), `${folder}/`)).toEqual(keys.slice(1));
    });

    it("a folder of keys is not an object", async () => {
      const folder = ownFolder();
      await store().put(`${folder}/a`, bytesOf("x"));
      expect(await store().find(folder)).toBeUndefined();
      await expectFailure("not-found", () => store().get(folder));
      await store().delete(folder);
      expect(await listedKeys(store(), folder)).toEqual([`${folder}/a`]);
    });

    it("overwrites in one step: readers see the old object or the new one, never a mixture", async () => {
      const key = `${ownFolder()}/swapped`;
      const bodies = [Buffer.alloc(300_000, "a"), Buffer.alloc(500_000, "b")];
      const known = new Set(bodies.map(sha256));
      await store().put(key, bodies[0] ?? Buffer.alloc(0));
      let writing = true;
      const seen = new Set<string>();
      const reader = async (): Promise<void> => {
        do seen.add(sha256(await store().get(key)));
        while (writing);
      };
      const readers = [reader(), reader()];
      for (let round = 0; round < 20; round += 1) await store().put(key, bodies[round % 2] ?? Buffer.alloc(0));
      writing = false;
      await Promise.all(readers);
      expect([...seen].filter((digest) => !known.has(digest))).toEqual([]);
    }, 30_000);

    it("puts of one key at the same time leave exactly one of them", async () => {
      const folder = ownFolder();
      const bodies = Array.from({ length: 8 }, (_, index) => Buffer.alloc(50_000 + index, String(index)));
      await Promise.all(bodies.map((body) => store().put(`${folder}/contested`, body)));
      const winner = sha256(await store().get(`${folder}/contested`));
      expect(bodies.map(sha256)).toContain(winner);
      expect(await listedKeys(store(), folder)).toEqual([`${folder}/contested`]);
    }, 30_000);

    it("puts of many keys of new folders at the same time all succeed", async () => {
      const folder = ownFolder();
      const keys = Array.from({ length: 24 }, (_, index) => `${folder}/deep/${index % 3}/x/${100 + index}`);
      await Promise.all(keys.map((key) => store().put(key, bytesOf(key))));
      for (const key of keys) expect(Buffer.from(await store().get(key)).toString()).toBe(key);
    }, 30_000);
  });
}
