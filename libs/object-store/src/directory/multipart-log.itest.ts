import { tempFolder } from "@spell/testing";
import { expect, it } from "vitest";
import { join } from "node:path";
import { notePart, readParts, writeAbout } from "./multipart-log.ts";

it("parts that are noted at the same time are all known afterwards", async () => {
  await using folder = await tempFolder();
  const layout = { sizeBytes: 200, partBytes: 1 };
  const path = join(folder.path, "making");
  await writeAbout(path, { ...layout, key: "a", startedAtMs: 0 });
  const numbers = Array.from({ length: layout.sizeBytes }, (_, index) => index + 1);
  await Promise.all(numbers.map((number) => notePart(path, { number, etag: "00000001" })));
  expect([...(await readParts(path, layout)).keys()].sort((a, b) => a - b)).toEqual(numbers);
});

it("a part is not noted once all has ended", async () => {
  await using folder = await tempFolder();
  await expect(notePart(join(folder.path, "gone"), { number: 1 })).rejects.toMatchObject({ code: "ENOENT" });
});
