import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildPack } from "./build-pack.ts";
import { digestOf } from "./node.ts";
import { PACK_BLOBS, PACK_TRAILER_BYTES, decodePackFooter, encodePackFooter, packFooterBytes } from "./pack-footer.ts";
import { LARGE_BLOB_BYTES } from "./upload-plan.ts";

const packOf = (...texts: string[]) =>
  buildPack(texts.map((text) => ({ digest: digestOf(Buffer.from(text)), bytes: Buffer.from(text) })));
const read = (bytes: Uint8Array): unknown => decodePackFooter(bytes, bytes.length);

/** The pack with other bytes in its footer, and the checksum that fits them. */
function forged(content: Uint8Array, { at, bytes }: { at: number; bytes: Buffer }): Buffer {
  const copy = Buffer.from(content);
  bytes.copy(copy, at);
  const checksumAt = copy.length - 40;
  const begin = copy.length - copy.readUInt32LE(checksumAt - 4);
  hash("sha256", copy.subarray(begin, checksumAt), "buffer").copy(copy, checksumAt);
  return copy;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

describe("the footer of a pack", () => {
  test("is what the format document shows", () => {
    expect(Buffer.from(packOf("hi\n", "pack").content).toString("hex")).toBe(
      [
        "68690a7061636b",
        "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be400000000000000000300000000000000",
        "4862f447f2c7f272fa2f4aaf89dadb3b1ac09105bd5864f8d1a0c9452bb0a22603000000000000000400000000000000",
        "010000000200000094000000b485e2fd47823e92008dfd14ed45490828bc5c18402488f49a4e3d12a5d719957370656c6c70616b",
      ].join(""),
    );
  });

  test("gives back the places of any blobs, from the whole pack or from its end alone", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 9 }), (texts) => {
        const { content, blobs } = packOf(...texts);
        expect(read(content)).toEqual(blobs);
        const trailer = content.subarray(-PACK_TRAILER_BYTES);
        const needBytes = packFooterBytes(texts.length);
        expect(decodePackFooter(trailer, content.length)).toEqual({ needBytes });
        expect(decodePackFooter(content.subarray(-needBytes), content.length)).toEqual(blobs);
      }),
    );
  });

  test("a large blob alone has none", () => {
    const bytes = Buffer.alloc(LARGE_BLOB_BYTES);
    expect(buildPack([{ digest: digestOf(bytes), bytes }]).content).toBe(bytes);
  });

  test("no other byte of it may change, and none be missing", () => {
    const { content } = packOf("one", "two", "");
    for (let at = 6; at < content.length; at += 1) {
      const damaged = Buffer.from(content);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(() => read(damaged), String(at)).toThrow("The footer of a pack is wrong");
    }
    for (let length = 0; length < content.length; length += 1) {
      expect(() => read(content.subarray(0, length)), String(length)).toThrow("is wrong: it does not end like a pack");
    }
  });

  test.each<[string, number, Buffer, string]>([
    ["a hole between blobs", 6 + 48 + 32, u64(4n), "should begin at 3"],
    ["blobs that overlap", 6 + 48 + 32, u64(2n), "should begin at 3"],
    ["a first blob further on", 6 + 32, u64(1n), "should begin at 0"],
    ["a size that reaches into the footer", 6 + 48 + 40, u64(4n), "reaches into what follows"],
    ["a size without bounds", 6 + 40, u64(2n ** 64n - 1n), "reaches into what follows"],
    ["bytes that are no blob's", 6 + 48 + 40, u64(2n), "its blobs end at 5, and it begins at 6"],
    ["another version", 6 + 96, Buffer.from([2]), "its version is 2"],
    ["more blobs than a pack may have", 6 + 96 + 4, Buffer.from([0x11, 0x27]), "it lists 10001 blobs"],
    ["fewer blobs than it has", 6 + 96 + 4, Buffer.from([1]), "its length cannot be 148"],
  ])("that tells of %s is refused, whatever its checksum", (_name, at, bytes, why) => {
    expect(() => read(forged(packOf("one", "two").content, { at, bytes }))).toThrow(why);
  });

  test("longer than the pack is refused, and so are too many blobs", () => {
    const { content } = packOf("one");
    expect(() => decodePackFooter(content.subarray(3), packFooterBytes(1) - 1)).toThrow("its length cannot be 100");
    const digest = digestOf(Buffer.alloc(0));
    const many = Array.from({ length: PACK_BLOBS + 1 }, () => ({ digest, offset: 0, sizeBytes: 0 }));
    expect(() => read(encodePackFooter(many))).toThrow("the most is 10000");
    expect(read(encodePackFooter(many.slice(1)))).toHaveLength(PACK_BLOBS);
  });
});
