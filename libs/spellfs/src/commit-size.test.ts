import { describe, expect, test } from "vitest";
import { checkCommitSize } from "./commit-size.ts";

describe("what one commit can bring", () => {
  const nodes = [new Uint8Array(400), new Uint8Array(600)];

  test("as much as fits", () => {
    expect(() => checkCommitSize({ nodes, blobs: 10, objects: 1 }, 1_904)).not.toThrow();
    expect(() => checkCommitSize({ nodes: [], blobs: 0, objects: 0 }, 0)).not.toThrow();
  });

  test("a folder with more is refused with what to do", () => {
    const check = (): void => checkCommitSize({ nodes, blobs: 10, objects: 1 }, 1_000);
    expect(check).toThrow(/lacks 10 files and folders.*about 5\. Upload its sub-folders/);
    expect(check).toThrow(expect.objectContaining({ code: "invalid-input", reason: "too-many-files" }) as Error);
  });

  test("300,000 files with long names do, a million do not", () => {
    const folder = (files: number): { nodes: Uint8Array[]; blobs: number; objects: number } => ({
      ...{ nodes: [new Uint8Array(files * 110)], blobs: files + 1, objects: Math.ceil(files / 10_000) },
    });
    expect(() => checkCommitSize(folder(300_000))).not.toThrow();
    expect(() => checkCommitSize(folder(1_000_000))).toThrow(/too-many|about 3/);
  });
});
