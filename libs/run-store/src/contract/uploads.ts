/** Uploads: begun, filled with files, completed once. */
import { describe, expect, it } from "vitest";
import type { OpenFixture } from "./samples.ts";
import { digestFor } from "./samples.ts";

const data = { owner: "ann", name: "data ü", compressed: false };
const contents = { tree: digestFor("tree"), fileCount: 2, sizeBytes: 5_000_000_000 };

export function describeUploads(open: OpenFixture): void {
  describe("uploads", () => {
    it("are begun once for each name of an owner and gone on with", async () => {
      await using fixture = await open();
      const { uploads } = fixture.store;
      const begun = await uploads.beginUpload(data, 1_000);
      expect(begun).toEqual({
        ...{ ...data, id: begun.id, tree: undefined, fileCount: 0, sizeBytes: 0 },
        ...{ createdAtMs: 1_000, changedAtMs: 1_000 },
      });
      expect(await uploads.beginUpload({ ...data, compressed: true }, 2_000)).toEqual({ ...begun, changedAtMs: 2_000 });
      expect((await uploads.beginUpload({ ...data, owner: "bob" }, 3_000)).id).not.toBe(begun.id);
      expect(await uploads.findUpload("ann", data.name)).toEqual(await uploads.findUploadById(begun.id));
      expect(await uploads.listUploads("ann")).toEqual([]);
      expect((await uploads.listOpenUploads()).map(({ owner }) => owner)).toEqual(["ann", "bob"]);
    });

    it("take files: the same again is the same, another size another file", async () => {
      await using fixture = await open();
      const { uploads } = fixture.store;
      const { id: uploadId } = await uploads.beginUpload(data, 1_000);
      const file = await uploads.addFile({ uploadId, path: "a/ü", sizeBytes: 7 }, 1_100);
      expect(file).toMatchObject({ uploadId, path: "a/ü", sizeBytes: 7 });
      expect(await uploads.addFile({ uploadId, path: "a/ü", sizeBytes: 7 }, 1_200)).toEqual(file);
      expect(await uploads.findFile(file?.number ?? 0)).toEqual(file);
      const other = await uploads.addFile({ uploadId, path: "b", sizeBytes: 0 }, 1_300);
      const larger = await uploads.addFile({ uploadId, path: "a/ü", sizeBytes: 8 }, 1_400);
      expect(larger?.number).not.toBe(file?.number);
      expect(await uploads.findFile(file?.number ?? 0)).toBeUndefined();
      expect(await uploads.listFiles(uploadId)).toEqual([other, larger]);
      expect((await uploads.findUploadById(uploadId))?.changedAtMs).toBe(1_400);
      expect(await uploads.addFile({ uploadId: 99, path: "x", sizeBytes: 1 }, 1_500)).toBeUndefined();
    });

    it("are completed once, and then take nothing", async () => {
      await using fixture = await open();
      const { uploads } = fixture.store;
      const { id } = await uploads.beginUpload(data, 1_000);
      const file = await uploads.addFile({ uploadId: id, path: "a", sizeBytes: 7 }, 1_100);
      const done = await uploads.completeUpload(id, contents, 2_000);
      expect(done).toEqual({ ...data, ...contents, id, createdAtMs: 1_000, changedAtMs: 2_000 });
      expect(await uploads.completeUpload(id, contents, 3_000)).toBeUndefined();
      expect(await uploads.addFile({ uploadId: id, path: "b", sizeBytes: 1 }, 3_000)).toBeUndefined();
      await uploads.touchUpload(id, 4_000);
      expect(await uploads.beginUpload(data, 5_000)).toEqual(done);
      expect(await uploads.findFile(file?.number ?? 0)).toBeUndefined();
      expect(await uploads.listFiles(id)).toEqual([]);
      expect(await uploads.listUploads("ann")).toEqual([done]);
      expect(await uploads.listOpenUploads()).toEqual([]);
    });

    it("are named at once when their tree is there, unless the name is taken", async () => {
      await using fixture = await open();
      const { uploads } = fixture.store;
      const named = await uploads.addUpload({ owner: "ann", name: "b", ...contents }, 1_000);
      expect(named).toMatchObject({ owner: "ann", name: "b", ...contents, compressed: false });
      expect(await uploads.addUpload({ owner: "ann", name: "b", ...contents }, 2_000)).toBeUndefined();
      await uploads.beginUpload({ ...data, name: "a" }, 1_000);
      expect(await uploads.addUpload({ owner: "ann", name: "a", ...contents }, 2_000)).toBeUndefined();
      expect(await uploads.listUploads("ann")).toEqual([named]);
    });

    it("to which nothing comes are found, and removed with their files", async () => {
      await using fixture = await open();
      const { uploads } = fixture.store;
      const idle = await uploads.beginUpload(data, 1_000);
      const file = await uploads.addFile({ uploadId: idle.id, path: "a", sizeBytes: 7 }, 1_100);
      const busy = await uploads.beginUpload({ ...data, name: "busy" }, 1_000);
      await uploads.touchUpload(busy.id, 9_000);
      await uploads.addUpload({ owner: "ann", name: "done", ...contents }, 1_000);
      expect((await uploads.listIdleUploads(5_000)).map(({ id }) => id)).toEqual([idle.id]);
      const again = (await fixture.reopen()).uploads;
      expect(await again.removeUpload(idle.id)).toBe(true);
      expect(await again.removeUpload(idle.id)).toBe(false);
      expect(await again.findFile(file?.number ?? 0)).toBeUndefined();
      expect(await again.findUpload("ann", data.name)).toBeUndefined();
      expect((await again.beginUpload(data, 1_000)).id).toBeGreaterThan(busy.id);
    });
  });
}
