/** Objects that are put in parts: known before the store begins them, each for its holder, until they are removed. */
import { describe, expect, it } from "vitest";
import type { OpenFixture } from "./samples.ts";

const big = {
  objectKey: "packs/b",
  holder: "user:ann ü",
  sizeBytes: 200_000_000_000,
  partBytes: 20_971_520,
  usedAtMs: 1_000,
};

export function describeMultiparts(open: OpenFixture): void {
  describe("objects in parts", () => {
    it("are for their holder once the store has begun them, and used when he asks", async () => {
      await using fixture = await open();
      const { multiparts } = fixture.store;
      await multiparts.add(big);
      expect(await multiparts.find("packs/b")).toEqual({ ...big, uploadId: undefined });
      expect(await multiparts.use("packs/b", big.holder, 2_000)).toBeUndefined();
      await multiparts.begin("packs/b", "2~id.-_");
      expect(await multiparts.use("packs/b", "user:bob", 3_000)).toBeUndefined();
      expect(await multiparts.use("packs/other", big.holder, 3_000)).toBeUndefined();
      expect((await multiparts.find("packs/b"))?.usedAtMs).toBe(1_000);
      const used = { ...big, uploadId: "2~id.-_", usedAtMs: 4_000 };
      expect(await multiparts.use("packs/b", big.holder, 4_000)).toEqual(used);
      // A clock that was set back makes nothing older.
      expect(await multiparts.use("packs/b", big.holder, 10)).toEqual(used);
      expect(await (await fixture.reopen()).multiparts.find("packs/b")).toEqual(used);
    });

    it("are listed by key, also those that nobody used since, and removed", async () => {
      await using fixture = await open();
      const { multiparts } = fixture.store;
      for (const [objectKey, usedAtMs] of [
        ["packs/c", 3_000],
        ["packs/a", 1_000],
        ["packs/b", 2_000],
      ] as const) {
        await multiparts.add({ ...big, objectKey, usedAtMs });
      }
      const keysOf = async (page: Parameters<typeof multiparts.list>[0]) =>
        (await multiparts.list(page)).map(({ objectKey }) => objectKey);
      expect(await keysOf({ after: "", limit: 2 })).toEqual(["packs/a", "packs/b"]);
      expect(await keysOf({ after: "packs/b", limit: 2 })).toEqual(["packs/c"]);
      expect(await keysOf({ after: "", limit: 9, idleSinceMs: 3_000 })).toEqual(["packs/a", "packs/b"]);
      await multiparts.remove("packs/a");
      await multiparts.remove("packs/a");
      expect(await keysOf({ after: "", limit: 9 })).toEqual(["packs/b", "packs/c"]);
    });

    it("are not doomed while they are here", async () => {
      await using fixture = await open();
      const { multiparts, garbage } = fixture.store;
      await multiparts.add(big);
      expect(await garbage.doom(["packs/b", "packs/z"], 1_000)).toEqual(["packs/z"]);
      await multiparts.remove("packs/b");
      expect(await garbage.doom(["packs/b"], 2_000)).toEqual(["packs/b"]);
    });
  });
}
