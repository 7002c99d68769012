import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_KEY_LENGTH, MAX_KEY_PART_LENGTH, checkKey, checkPrefix, keyOfName, nameOfKey } from "./object-key.ts";

const part = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/).filter((text) => text !== "." && text !== "..");
const key = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));

describe("object keys", () => {
  it("every path of allowed parts is a key, and every beginning of it a prefix", () => {
    fc.assert(
      fc.property(key, fc.nat(), (text, cut) => {
        checkKey(text);
        const prefix = text.slice(0, cut % (text.length + 1));
        // Half of a part such as `..a` may itself be dots.
        if (!/(^|\/)\.\.?$/.test(prefix)) checkPrefix(prefix);
      }),
    );
  });

  it("whatever passes stays inside the folder it is joined to", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", ".", "/", "\\", "\0", "-", "%", "~") }), (text) => {
        try {
          checkKey(text);
        } catch {
          return;
        }
        expect(new URL(`file:///root/${text}`).pathname).toBe(`/root/${text}`);
      }),
    );
  });

  it("names sort as their keys do, and no name is the folder of another", () => {
    fc.assert(
      fc.property(key, key, (one, other) => {
        expect(nameOfKey(one) < nameOfKey(other)).toBe(one < other);
        expect(nameOfKey(one).startsWith(`${nameOfKey(other)}/`)).toBe(false);
        expect(keyOfName(nameOfKey(one))).toBe(one);
      }),
    );
  });

  it("a name without the mark belongs to nobody", () => {
    expect(keyOfName("notes.txt")).toBeUndefined();
  });

  it("limits are exact", () => {
    checkKey("k".repeat(MAX_KEY_PART_LENGTH));
    expect(() => checkKey("k".repeat(MAX_KEY_PART_LENGTH + 1))).toThrow("a part of it is longer");
    const full = "k/".repeat(MAX_KEY_LENGTH / 2 - 1);
    checkKey(`${full}kk`);
    expect(() => checkKey(`${full}kkk`)).toThrow(`longer than ${MAX_KEY_LENGTH}`);
  });

  it("a refusal shows the key without its control characters and not all of a long one", () => {
    expect(() => checkKey("a\u001b[2J")).toThrow(/^"a\\u001b\[2J"/);
    expect(() => checkKey("k".repeat(5000))).toThrow(/^"k{80}…" is not/);
  });
});
