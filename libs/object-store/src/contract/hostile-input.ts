/** Contract: keys, prefixes and expiries that must be refused before they reach a disk or a server. */
import { describe, it } from "vitest";
import { MAX_KEY_LENGTH, MAX_KEY_PART_LENGTH } from "../object-key.ts";
import { MAX_PRESIGN_SECONDS } from "../request-limits.ts";
import type { StoreUnderTest } from "./helpers.ts";
import { bytesOf, expectFailure, listed, ownFolder } from "./helpers.ts";

const HOSTILE_KEYS: readonly (readonly [name: string, key: string])[] = [
  ["empty", ""],
  ["dots", ".."],
  ["one dot", "."],
  ["dots in the middle", "a/../b"],
  ["dots at the end", "a/.."],
  ["one dot in the middle", "a/./b"],
  ["out of the store", "../../etc/passwd"],
  ["absolute", "/etc/passwd"],
  ["slash only", "/"],
  ["slash at the end", "a/"],
  ["empty part", "a//b"],
  ["NUL", "a\0b"],
  ["newline", "a\nb"],
  ["newline at the end", "a\n"],
  ["backslash", "a\\b"],
  ["backslash dots", "..\\b"],
  ["space", "a b"],
  ["percent", "%2e%2e/a"],
  ["question mark", "a?method=PUT"],
  ["hash", "a#b"],
  ["the drivers' own mark", "a!"],
  ["unicode", "ä"],
  ["look-alike slash", "a\u2215b"],
  ["lone surrogate", "\ud800"],
  ["too long", `${"k".repeat(100)}/`.repeat(6) + "k"],
  ["part too long", "k".repeat(MAX_KEY_PART_LENGTH + 1)],
];

/** Declares this part of the suite. */
export function describeHostileInput(store: StoreUnderTest): void {
  describe("hostile input", () => {
    it.each(HOSTILE_KEYS)("refuses a key: %s", async (_name, key) => {
      await expectFailure("invalid-input", () => store().put(key, bytesOf("x")));
      await expectFailure("invalid-input", () => store().get(key));
      await expectFailure("invalid-input", () => store().find(key));
      await expectFailure("invalid-input", () => store().delete(key));
      await expectFailure("invalid-input", () => store().presignPut(key, 60));
      await expectFailure("invalid-input", () => store().presignGet(key, 60));
    });

    it.each(["..", "../", "a/../", "/", "/a", "a//", "a\0", "a\n", "a\\", "k".repeat(MAX_KEY_LENGTH + 1)])(
      "refuses a prefix: %j",
      async (prefix) => {
        await expectFailure("invalid-input", () => listed(store(), prefix));
      },
    );

    it("takes the longest key and the longest part", async () => {
      const folder = ownFolder();
      const part = "p".repeat(MAX_KEY_PART_LENGTH);
      const longest = `${folder}/${part}/${part}/`.padEnd(MAX_KEY_LENGTH, "k");
      await store().put(longest, bytesOf("x"));
      await store().find(longest);
      await store().delete(longest);
    });

    it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_PRESIGN_SECONDS + 1])(
      "refuses a URL that lives %d seconds",
      async (seconds) => {
        await expectFailure("invalid-input", () => store().presignGet("a", seconds));
        await expectFailure("invalid-input", () => store().presignPut("a", seconds));
      },
    );
  });
}
