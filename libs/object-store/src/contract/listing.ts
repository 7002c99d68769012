/** Contract: listing by prefix, in key order, complete. */
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import type { StoreUnderTest } from "./helpers.ts";
import { bytesOf, listed, listedKeys, ownFolder } from "./helpers.ts";

/** More than one page of any S3 server. */
const MANY = 1_100;

/** Declares this part of the suite. */
export function describeListing(store: StoreUnderTest): void {
  describe("listing", () => {
    it("gives keys and sizes in key order, whatever characters they hold", async () => {
      const folder = ownFolder();
      // Where `-` and `.` sort against `/`, and names that look like numbers, is where listings go wrong.
      const names = [
        "B",
        "a",
        "a-b",
        "a.b",
        "a/b",
        "a/b-c",
        "a/b/c",
        "a0",
        "aB",
        "a_b",
        "ab",
        "007",
        "1.0",
        "1e5",
        "0x10",
      ];
      for (const name of names) await store().put(`${folder}/${name}`, bytesOf(name));
      const sorted = [...names].sort();
      const objects = await listed(store(), `${folder}/`);
      expect(objects.map(({ key, sizeBytes }) => ({ key, sizeBytes }))).toEqual(
        sorted.map((name) => ({ key: `${folder}/${name}`, sizeBytes: name.length })),
      );
    }, 30_000);

    it("takes any beginning of a key as prefix, also in the middle of a part", async () => {
      const folder = ownFolder();
      for (const name of ["run/1/log", "run/12/log", "run/2/log", "running"]) {
        await store().put(`${folder}/${name}`, bytesOf(name));
      }
      const names = async (prefix: string): Promise<string[]> =>
        (await listedKeys(store(), `${folder}/${prefix}`)).map((key) => key.slice(folder.length + 1));
      expect(await names("run")).toEqual(["run/1/log", "run/12/log", "run/2/log", "running"]);
      expect(await names("run/1")).toEqual(["run/1/log", "run/12/log"]);
      expect(await names("run/1/")).toEqual(["run/1/log"]);
      expect(await names("run/1/log")).toEqual(["run/1/log"]);
      expect(await names("run/1/log/")).toEqual([]);
      expect(await names("run/3")).toEqual([]);
      expect(await names("absent/")).toEqual([]);
    });

    it("tells when each was put last, as looking it up does", async () => {
      const key = `${ownFolder()}/timed`;
      await store().put(key, bytesOf("one"));
      const first = (await store().find(key))?.modifiedAtMs ?? 0;
      // The clock of a server may be another one, and may count whole seconds.
      expect(Math.abs(first - Date.now())).toBeLessThan(120_000);
      await waitFor("a later put to have a later time", async () => {
        await store().put(key, bytesOf("two"));
        const [inList] = await listed(store(), key);
        const found = await store().find(key);
        if (inList === undefined || found === undefined) return false;
        return found.modifiedAtMs > first && Math.abs(found.modifiedAtMs - inList.modifiedAtMs) < 1_000;
      });
    }, 30_000);

    it("an empty prefix lists everything", async () => {
      const key = `${ownFolder()}/somewhere`;
      await store().put(key, bytesOf("x"));
      const keys = await listedKeys(store(), "");
      expect(keys).toContain(key);
      expect(keys).toEqual([...keys].sort());
    });

    it("keys at the top, without a slash", async () => {
      const key = `top-${ownFolder().slice(2)}`;
      await store().put(key, bytesOf("x"));
      expect(await listedKeys(store(), key)).toEqual([key]);
      await store().delete(key);
    });

    it(`lists ${MANY} objects completely and can be left early`, async () => {
      const folder = ownFolder();
      const keys = Array.from({ length: MANY }, (_, index) => `${folder}/${String(index).padStart(6, "0")}`);
      const left = [...keys];
      const worker = async (): Promise<void> => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) await store().put(key, bytesOf("x"));
      };
      await Promise.all(Array.from({ length: 16 }, worker));
      expect(await listedKeys(store(), `${folder}/`)).toEqual(keys);
      for await (const object of store().list(`${folder}/`)) {
        expect(object.key).toBe(keys[0]);
        break;
      }
    }, 120_000);
  });
}
