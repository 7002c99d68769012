import { createHash } from "node:crypto";
import { digestOf } from "@spell/spellfs";
import { expect, it } from "vitest";
import { SummaryCache } from "./summary-cache.ts";

const digest = (text: string): ReturnType<typeof digestOf> => digestOf(createHash("sha256").update(text).digest());
const summary = (fileCount: number): Parameters<SummaryCache["set"]>[1] => ({
  ...{ fileCount, directoryCount: 0, totalBytes: 0, height: 0, pathBytes: 1, climb: 0, climbPath: "" },
});

it("keeps what belongs to a summary and nothing else", () => {
  const cache = new SummaryCache();
  cache.set(digest("a"), Object.assign(summary(3), { files: new Map([["x", 1]]), nodes: ["y"] }));
  expect(cache.get(digest("a"))).toEqual(summary(3));
  expect(cache.get(digest("b"))).toBeUndefined();
});

it("is bounded: what was used least recently leaves", () => {
  const cache = new SummaryCache();
  for (let count = 0; count < 10_000; count += 1) cache.set(digest(String(count)), summary(count));
  cache.get(digest("0"));
  cache.set(digest("one more"), summary(1));
  expect(cache.get(digest("0"))).toEqual(summary(0));
  expect(cache.get(digest("1"))).toBeUndefined();
  expect(cache.get(digest("2"))).toEqual(summary(2));
});
