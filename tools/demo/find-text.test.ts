import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tempFolder } from "@spell/testing";
import { findText } from "./find-text.ts";

/** A folder of prose: name → contents. */
function proseFolder(path: string, files: Record<string, string | Buffer>) {
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), contents);
  }
  return { path, what: "prose", isDocument: (name: string) => name.endsWith(".txt") };
}

/** So many different paragraphs about something, 200 bytes each. */
function proseAbout(subject: string, paragraphs: number): string {
  const inLetters = (number: number): string =>
    number.toString().replace(/\d/g, (digit) => "abcdefghij"[Number(digit)] ?? "");
  const paragraph = (number: number): string =>
    `There is much to be said about ${subject} and ${inLetters(number)} `
      .padEnd(199, "or more ")
      .trim()
      .padEnd(199, "o");
  return Array.from({ length: paragraphs }, (_, number) => `${paragraph(number)}.\n\n`).join("");
}

describe("findText", () => {
  test("takes the file that was asked for, before any other", async () => {
    await using folder = await tempFolder();
    const [wanted, other] = [join(folder.path, "my book.txt"), join(folder.path, "other.txt")];
    writeFileSync(wanted, "mine");
    writeFileSync(other, "other");
    const link = join(folder.path, "link.txt");
    symlinkSync(wanted, link);
    expect(findText({ wanted, files: [other], folders: [] })).toMatchObject({ name: "my book.txt", path: wanted });
    expect(findText({ wanted: link, files: [other], folders: [] }).bytes.toString()).toBe("mine");
  });

  test("refuses a wanted file that is missing, empty or a folder, and takes no other", async () => {
    await using folder = await tempFolder();
    const [empty, other] = [join(folder.path, "empty.txt"), join(folder.path, "other.txt")];
    writeFileSync(empty, "");
    writeFileSync(other, "other");
    for (const wanted of [empty, folder.path, join(folder.path, "missing.txt")]) {
      expect(() => findText({ wanted, files: [other], folders: [] })).toThrow(`Cannot learn from ${wanted}: `);
    }
  });

  test("takes the first of the usual files that is there", async () => {
    await using folder = await tempFolder();
    const book = join(folder.path, "book.txt");
    writeFileSync(book, "words");
    const prose = proseFolder(join(folder.path, "prose"), { "a.txt": proseAbout("apples", 2_000) });
    const files = [join(folder.path, "missing.txt"), book];
    expect(findText({ files, folders: [prose] })).toMatchObject({ path: book, sentence: `${book} (1 kB)` });
  });

  test("otherwise puts prose together: in order, each paragraph once, nothing that is not text", async () => {
    await using folder = await tempFolder();
    const apples = proseAbout("apples", 400);
    const first = proseFolder(join(folder.path, "first"), {
      "b/b.txt": proseAbout("berries", 600),
      "a.txt": apples,
      "again.txt": apples,
      "broken.txt": Buffer.concat([Buffer.from([0xff, 0xfe, 0x80]), Buffer.from(proseAbout("bytes", 10))]),
      "list.txt": "1 2 3\n\n4 5 6\n",
      "program.bin": proseAbout("programs", 10),
    });
    symlinkSync(join(first.path, "b"), join(first.path, "c"));
    const second = proseFolder(join(folder.path, "second"), { "d.txt": proseAbout("dates", 700) });
    const third = proseFolder(join(folder.path, "third"), { "e.txt": proseAbout("elderberries", 10) });
    const missing = { ...third, path: join(folder.path, "missing") };
    const found = findText({ files: [], folders: [missing, first, second, third] });
    const wanted = apples + proseAbout("berries", 600) + proseAbout("dates", 700);
    expect(found.bytes.toString() === wanted).toBe(true);
    expect(found.sentence).toBe(`340 kB of prose out of prose (${first.path}) and prose (${second.path})`);
    expect(found.path).toBe(join(first.path, "b/b.txt"));
  });

  test("says so when there is too little", async () => {
    await using folder = await tempFolder();
    const prose = proseFolder(folder.path, { "a.txt": "little" });
    expect(() => findText({ files: [], folders: [prose] })).toThrow(/Only 0 kB of prose .* --text FILE/);
  });
});
