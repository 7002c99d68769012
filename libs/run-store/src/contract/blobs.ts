/** Where blobs lie. */
import { describe, expect, it } from "vitest";
import type { NewBlob } from "../records.ts";
import type { OpenFixture } from "./samples.ts";
import { digestFor } from "./samples.ts";

function blob(name: string, over: Partial<NewBlob> = {}): NewBlob {
  return { digest: digestFor(name), objectKey: `packs/${name}`, offset: 0, sizeBytes: 10, isNode: false, ...over };
}

function place({ digest, objectKey, offset, sizeBytes }: NewBlob) {
  return { digest, objectKey, offset, sizeBytes };
}

export function describeBlobs(open: OpenFixture): void {
  describe("blobs", () => {
    it("are found where they were put, those that are recorded only", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const big = blob("big", { offset: 5 * 2 ** 40, sizeBytes: 2 ** 42 });
      await store.addBlobs([blob("a"), big, blob("empty", { sizeBytes: 0 })]);
      const found = await store.findBlobs(["empty", "nothing", "big", "a", "a"].map(digestFor));
      expect(found).toHaveLength(3);
      expect(found).toEqual(
        expect.arrayContaining([place(blob("a")), place(big), place(blob("empty", { sizeBytes: 0 }))]),
      );
      expect(await store.findBlobs([])).toEqual([]);
      await store.addBlobs([]);
    });

    it("stay where they were first put", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([blob("a")]);
      await store.addBlobs([blob("a", { objectKey: "packs/elsewhere", offset: 99 }), blob("b")]);
      await store.addBlobs([blob("c"), blob("c", { objectKey: "packs/twice in one call" })]);
      const found = await store.findBlobs(["a", "c"].map(digestFor));
      expect(found).toEqual(expect.arrayContaining([place(blob("a")), place(blob("c"))]));
      expect(found).toHaveLength(2);
    });

    it("are nodes once they were checked as nodes, and for good", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([blob("file"), blob("node", { isNode: true }), blob("both")]);
      const digests = ["file", "node", "both"].map(digestFor);
      expect(await store.findNodes(digests)).toEqual([place(blob("node"))]);
      await store.addBlobs([blob("both", { isNode: true, objectKey: "packs/other" }), blob("node")]);
      const nodes = await store.findNodes(digests);
      expect(nodes).toHaveLength(2);
      expect(nodes).toEqual(expect.arrayContaining([place(blob("node")), place(blob("both"))]));
      expect(await store.findBlobs(digests)).toHaveLength(3);
    });

    it("are found by the thousand", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const blobs = Array.from({ length: 3_000 }, (_, index) => blob(`many ${index}`, { offset: index }));
      await store.addBlobs(blobs);
      const found = await store.findBlobs(blobs.map((each) => each.digest));
      expect(found.map((each) => each.offset).sort((left, right) => left - right)).toEqual(
        blobs.map((each) => each.offset),
      );
    });
  });
}
