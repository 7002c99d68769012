import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SpellError } from "@spell/domain";
import { linkClimb } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";
import { decodeNode, digestOf, encodeNode } from "./node.ts";

const A = digestOf(Buffer.from("a"));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const node = (...lines: string[]): Uint8Array =>
  Buffer.from(`spell-tree 1\n${lines.map((line) => `${line}\n`).join("")}`);

const name = fc
  .string({ unit: "binary", minLength: 1, maxLength: 60 })
  .filter((value) => [...value].every((char) => char !== "/" && char > "\u001f" && char !== "\u007f"))
  .filter((value) => value !== "." && value !== ".." && value.isWellFormed());
const digest = fc.uint8Array({ maxLength: 4 }).map(digestOf);
const entry: fc.Arbitrary<TreeEntry> = fc.oneof(
  fc.record({ kind: fc.constant("file" as const), name, sizeBytes: fc.maxSafeNat(), digest, executable: fc.boolean() }),
  fc.record({ kind: fc.constant("directory" as const), name, digest }),
  fc.record({ kind: fc.constant("symlink" as const), name, target: name }),
);
const entries = fc.uniqueArray(entry, { selector: (value) => value.name, maxLength: 12 });

describe("directory node", () => {
  test("is the text that the format document shows", () => {
    const bytes = encodeNode([
      { kind: "symlink", name: "link", target: "../b" },
      { kind: "file", name: "run.sh", sizeBytes: 7, digest: A, executable: true },
      { kind: "directory", name: "data", digest: A },
      { kind: "file", name: "a.txt", sizeBytes: 0, digest: A, executable: false },
    ]);
    expect(text(bytes)).toBe(`spell-tree 1\nf\ta.txt\t0\t${A}\nd\tdata\t${A}\nl\tlink\t../b\nx\trun.sh\t7\t${A}\n`);
    expect(digestOf(encodeNode([]))).toBe("6db3754995120dcd8229db9f5c63e1527e2793b767f340e6949407953b2a3bb7");
  });

  test("decodes to what was encoded, in byte order", () => {
    fc.assert(
      fc.property(entries, (given) => {
        const decoded = decodeNode(encodeNode(given));
        const byBytes = [...given].sort((left, right) =>
          Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)),
        );
        expect(decoded).toEqual(byBytes);
      }),
    );
  });

  test("has one encoding only: whatever decodes encodes to the same bytes", () => {
    const nearly = fc.tuple(entries, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([given, at, value]) => {
      const bytes = Buffer.from(encodeNode(given));
      bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(nearly, (bytes) => {
        const decoded = attempt(() => decodeNode(bytes));
        if (decoded !== undefined) expect(text(encodeNode(decoded))).toBe(text(bytes));
      }),
    );
  });

  test("random bytes never raise anything but a SpellError", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void attempt(() => decodeNode(bytes))));
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (line) => void attempt(() => decodeNode(node(line.toWellFormed())))),
    );
  });

  test.each([
    ["other header", Buffer.from("spell-tree 2\n"), /first line/],
    ["byte order mark", Buffer.from(`\uFEFFspell-tree 1\n`), /first line/],
    ["no bytes", Buffer.from(""), /first line/],
    ["unended line", Buffer.from(`spell-tree 1\nd\ta\t${A}`), /last line/],
    ["empty line", node(""), /not an entry/],
    ["unknown kind", node(`p\ta\t${A}`), /not an entry/],
    ["too many fields", node(`d\ta\t${A}\t`), /not an entry/],
    ["upper-case digest", node(`d\ta\t${A.toUpperCase()}`), /not an entry/],
    ["leading zero", node(`f\ta\t01\t${A}`), /not an entry/],
    ["plus sign", node(`f\ta\t+1\t${A}`), /not an entry/],
    ["size beyond 2^53", node(`f\tbig\t9999999999999999\t${A}`), /"big" has an impossible size/],
    ["wrong order", node(`d\tb\t${A}`, `d\ta\t${A}`), /"a" is out of order/],
    ["duplicate", node(`d\ta\t${A}`, `f\ta\t1\t${A}`), /"a" occurs twice/],
    ["empty name", node(`d\t\t${A}`), /may not be empty/],
    ["dot", node(`d\t.\t${A}`), /'\.' or/],
    ["dot dot", node(`d\t..\t${A}`), /'\.' or/],
    ["slash", node(`d\ta/b\t${A}`), /"a\/b".*'\/'/],
    ["control character", node(`d\ta\u0001\t${A}`), /control characters/],
    ["delete character", node(`d\ta\u007f\t${A}`), /control characters/],
    ["name of 256 bytes", node(`d\t${"é".repeat(128)}\t${A}`), /255 bytes/],
    ["absolute link", node("l\tpasswd\t/etc/passwd"), /"passwd".*absolute/],
    ["empty link", node("l\tnowhere\t"), /point somewhere/],
    ["'..' behind a name", node("l\tup\td/../../x"), /start of a link/],
    ["link of 4097 bytes", node(`l\tlong\t${"x".repeat(4097)}`), /4096 bytes/],
    [
      "invalid UTF-8",
      Buffer.concat([Buffer.from("spell-tree 1\nd\t"), Buffer.from([0xff]), Buffer.from(`\t${A}\n`)]),
      /UTF-8/,
    ],
  ])("refuses %s", (_what, bytes, message) => {
    expect(() => decodeNode(bytes)).toThrow(message);
    expect(() => decodeNode(bytes)).toThrow(SpellError);
  });

  test("bounds entries and bytes", () => {
    const three = encodeNode(["a", "b", "c"].map((value) => ({ kind: "directory", name: value, digest: A })));
    expect(decodeNode(three, { maxEntries: 3, maxBytes: three.length })).toHaveLength(3);
    expect(() => decodeNode(three, { maxEntries: 2 })).toThrow(/more than 2 entries/);
    expect(() => decodeNode(three, { maxBytes: three.length - 1 })).toThrow(/the most is/);
  });

  test("refuses to encode what it would refuse to decode", () => {
    const file = { kind: "file" as const, name: "a", sizeBytes: 1, digest: A, executable: false };
    expect(() => encodeNode([file, file])).toThrow(/"a" occurs twice/);
    expect(() => encodeNode([{ ...file, name: "a\nb" }])).toThrow(/"a\\nb"/);
    expect(() => encodeNode([{ ...file, name: "\ud800" }])).toThrow(/UTF-8/);
    expect(() => encodeNode([{ ...file, sizeBytes: 1.5 }])).toThrow(/impossible size/);
  });

  test("a link climbs by its leading dots only", () => {
    expect([linkClimb("a"), linkClimb("../a"), linkClimb("./../..//x"), linkClimb("..")]).toEqual([0, 1, 2, 1]);
  });
});

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    expect(error).toBeInstanceOf(SpellError);
    return undefined;
  }
}
