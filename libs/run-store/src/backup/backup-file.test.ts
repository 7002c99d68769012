import { gzipSync, gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { BackupPart } from "./backup-file.ts";
import { readBackup, writeBackup } from "./backup-file.ts";

const HEADER = { schema: 12, createdAtMs: 1_700_000_000_000 };
const PARTS: BackupPart[] = [
  { kind: "table", name: "runs", columns: ["id", "spec", "agent_id"] },
  { kind: "row", values: [1, '{"command":"echo \\"é\\n\\u2028\\""}', null] },
  { kind: "row", values: [Number.MAX_SAFE_INTEGER, "", "agt_1"] },
  { kind: "table", name: "links", columns: ["owner"] },
];

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

async function written(parts: readonly BackupPart[] = PARTS): Promise<Buffer> {
  return Buffer.concat(await all(writeBackup(HEADER, each(parts))));
}

async function read(...chunks: Buffer[]): Promise<BackupPart[]> {
  return all((await readBackup(each(chunks))).parts);
}

describe("a backup file", () => {
  test("gives back what was written, however its bytes arrive", async () => {
    const bytes = await written();
    expect((await readBackup(each([bytes]))).header).toEqual(HEADER);
    expect(await read(bytes)).toEqual(PARTS);
    const singles = [...bytes].map((byte) => Buffer.from([byte]));
    expect(await read(...singles)).toEqual(PARTS);
  });

  test("of many rows is written and read piece by piece", async () => {
    const rows = Array.from({ length: 20_000 }, (_, id): BackupPart => ({
      kind: "row",
      values: [id, "x".repeat(50), null],
    }));
    const parts = [PARTS[0] as BackupPart, ...rows];
    expect(await read(await written(parts))).toEqual(parts);
  });

  test("cut off anywhere is told from a whole one", async () => {
    const bytes = await written();
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(read(bytes.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        reason: expect.stringMatching(/^(bad|damaged)-backup$/) as string,
      });
    }
  });

  test("with a changed, missing, doubled or moved line is damaged", async () => {
    const lines = gunzipSync(await written())
      .toString()
      .trimEnd()
      .split("\n");
    const changed = [
      lines.map((line) => line.replace("agt_1", "agt_2")),
      lines.filter((_, index) => index !== 2),
      lines.toSpliced(2, 0, lines[2] ?? ""),
      [...lines, "[1]"],
      lines.with(2, "[1"),
      lines.with(2, "[1]"),
      lines.with(2, '[1,{"a":1},null]'),
      lines.with(1, '{"table":"runs","columns":["id; DROP TABLE runs"]}'),
      lines.with(1, "7"),
    ];
    for (const variant of changed) {
      await expect(read(gzipSync(`${variant.join("\n")}\n`)), variant.join("|")).rejects.toMatchObject({
        ...{ code: "data-loss", reason: "damaged-backup" },
      });
    }
  });

  test("is known by its first line", async () => {
    for (const text of ["", "hello", "[]", '{"spellBackup":1}', '{"spellBackup":2,"schema":1,"createdAtMs":1}']) {
      await expect(read(gzipSync(text)), text).rejects.toMatchObject({ code: "invalid-input", reason: "bad-backup" });
    }
  });

  test("that is not even gzip is refused", async () => {
    await expect(read(Buffer.from("SQLite format 3\0"))).rejects.toMatchObject({ reason: "damaged-backup" });
  });

  test("passes on the failure of where its rows come from", async () => {
    async function* failing(): AsyncGenerator<BackupPart> {
      yield* PARTS;
      throw new Error("the database is away");
    }
    await expect(all(writeBackup(HEADER, failing()))).rejects.toThrow("the database is away");
  });
});
