/** What one user alone says of a blob's place, until the bytes there have been hashed. */
import type { Digest } from "@spell/domain";
import { describe, expect, it } from "vitest";
import type { CommittedTree, NewBlob } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import { condemn } from "./garbage.ts";
import type { OpenFixture } from "./samples.ts";
import { digestFor } from "./samples.ts";

function blob(name: string, over: Partial<NewBlob> = {}): NewBlob {
  return { digest: digestFor(name), objectKey: `packs/${name}`, offset: 0, sizeBytes: 10, isNode: false, ...over };
}

function tree(userName: string | undefined, over: Partial<CommittedTree> = {}): CommittedTree {
  return { root: digestFor("root"), atMs: 1, uses: [], userName, ...over };
}

/** `name@object by user`, of those that are recorded. */
async function places(store: RunStore, ...names: string[]): Promise<string[]> {
  const found = new Map((await store.findBlobs(names.map(digestFor))).map((each) => [each.digest, each]));
  return names.map((name) => {
    const place = found.get(digestFor(name));
    return `${name}@${place?.objectKey.replace("packs/", "") ?? "nowhere"} by ${place?.claimedBy ?? "all"}`;
  });
}

export function describeClaims(open: OpenFixture): void {
  describe("claims", () => {
    const root = blob("root", { isNode: true });
    const claim = (by: string, over: Partial<NewBlob> = {}) => blob("file", { claimedBy: by, ...over });

    it("make claims of the nodes above them, and outlive the process", async () => {
      await using fixture = await open();
      const { store } = fixture;
      expect(await store.addBlobs([root, claim("ann"), blob("seen")], tree("ann"))).toEqual([]);
      const reopened = await fixture.reopen();
      expect(await places(reopened, "root", "file", "seen")).toEqual([
        "root@root by ann",
        "file@file by ann",
        "seen@seen by all",
      ]);
      expect(await reopened.findNodes([digestFor("root")])).toMatchObject([{ claimedBy: "ann" }]);
    });

    it("may be used by the same user alone, and what uses them is one", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([claim("ann")], tree("ann", { root: digestFor("file") }));
      const above = (userName: string | undefined) =>
        store.addBlobs([root], tree(userName, { uses: [digestFor("file")] }));
      for (const other of ["bob", ""]) {
        await expect(above(other)).rejects.toMatchObject({ code: "invalid-input", reason: "missing-blob" });
      }
      expect(await places(store, "root")).toEqual(["root@nowhere by all"]);
      expect(await above("ann")).toEqual([]);
      expect(await places(store, "root")).toEqual(["root@root by ann"]);
      // The same for whoever only puts another folder around it.
      await store.addBlobs(
        [blob("around", { isNode: true })],
        tree(undefined, { root: digestFor("around"), uses: [root.digest] }),
      );
      expect(await places(store, "around")).toEqual(["around@around by ann"]);
    });

    it("of two users are contested: nothing happens until one has been looked at", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([root, claim("ann")], tree("ann"));
      const other = { ...claim("bob"), objectKey: "packs/bob", sizeBytes: 11 };
      const mine = [blob("top", { isNode: true }), blob("more", { claimedBy: "bob" }), other];
      const contested: Digest[] = [digestFor("file")];
      expect(await store.addBlobs(mine, tree("bob", { root: digestFor("top") }))).toEqual(contested);
      expect(await places(store, "top", "more", "file")).toEqual([
        "top@nowhere by all",
        "more@nowhere by all",
        "file@file by ann",
      ]);
      const seen = mine.map((each) => (each === other ? { ...each, claimedBy: undefined } : each));
      expect(await store.addBlobs(seen, tree("bob", { root: digestFor("top") }))).toEqual([]);
      expect(await places(store, "top", "more", "file")).toEqual([
        "top@top by bob",
        "more@more by bob",
        "file@bob by all",
      ]);
      expect(await store.findBlobs([digestFor("file")])).toMatchObject([{ sizeBytes: 11 }]);
    });

    it("of the same user stay where they are, and so does what all know", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([claim("ann"), blob("seen")]);
      const again = { objectKey: "packs/again" };
      expect(await store.addBlobs([claim("ann", again), blob("seen", { ...again, claimedBy: "bob" })])).toEqual([]);
      expect(await places(store, "file", "seen")).toEqual(["file@file by ann", "seen@seen by all"]);
    });

    it("end for files that still lie where their bytes were seen", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([root, claim("ann"), blob("other", { claimedBy: "ann" })], tree("ann"));
      await store.confirmBlobs([claim("ann"), root, blob("other", { offset: 1 }), blob("nowhere")]);
      const reopened = await fixture.reopen();
      expect(await places(reopened, "root", "file", "other")).toEqual([
        "root@root by ann",
        "file@file by all",
        "other@other by ann",
      ]);
    });

    it("on nodes end with those below, and pass to who commits them next", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([root, claim("ann")], tree("ann"));
      const bobs = { ...root, objectKey: "packs/bob" };
      await store.addBlobs([bobs, blob("odd", { claimedBy: "bob" })], tree("bob"));
      expect(await places(store, "root", "file")).toEqual(["root@bob by bob", "file@file by ann"]);
      await store.confirmBlobs([claim("ann")]);
      await store.addBlobs([root], tree("ann", { uses: [digestFor("file")] }));
      expect(await places(store, "root")).toEqual(["root@root by all"]);
      await store.addBlobs([bobs, blob("odder", { claimedBy: "bob" })], tree("bob"));
      expect(await places(store, "root")).toEqual(["root@root by all"]);
    });

    it("do not mix up a file and a node of the same bytes", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([root, claim("ann")], tree("ann"));
      const asFile = { ...root, isNode: false, objectKey: "packs/bob" };
      expect(await store.addBlobs([{ ...asFile, claimedBy: "bob" }])).toEqual([]);
      expect(await store.addBlobs([asFile])).toEqual([]);
      expect(await places(store, "root")).toEqual(["root@root by ann"]);
      await store.addBlobs([blob("text")]);
      await store.addBlobs([blob("text", { isNode: true }), claim("ann")], tree("ann", { root: digestFor("text") }));
      expect(await places(store, "text")).toEqual(["text@text by ann"]);
    });

    it("come after what is condemned", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([blob("file")]);
      expect(await condemn(store, [])).toBe(true);
      expect(await store.addBlobs([claim("ann", { objectKey: "packs/new" })])).toEqual([]);
      expect(await places(store, "file")).toEqual(["file@new by ann"]);
    });
  });

  describe("packs", () => {
    it("are told by how many blobs their footer lists, until they are doomed", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { garbage } = store;
      const root = blob("root", { isNode: true, objectKey: "packs/p" });
      const packs = [{ objectKey: "packs/p", blobs: 3 }];
      await store.addBlobs([root, blob("large")], tree("ann", { packs }));
      await store.addBlobs([root], tree("ann", { packs }));
      const listed = async (key: string) =>
        (await garbage.listObjectUses({ after: "", limit: 99 })).find(({ objectKey }) => objectKey === key)
          ?.listedBlobs;
      expect([await listed("packs/large"), await listed("packs/p")]).toEqual([undefined, 3]);
      expect(await condemn(store, [])).toBe(true);
      await garbage.deleteCondemned(99);
      expect(await garbage.doom(["packs/p"], 1)).toEqual(["packs/p"]);
      await garbage.forgetDoomed(["packs/p"]);
      await store.addBlobs([root]);
      expect(await listed("packs/p")).toBeUndefined();
    });
  });
}
