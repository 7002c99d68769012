import { expect, it } from "vitest";
import { resourceText, shortSize, shortTime } from "./resource-text.ts";

const madeAt = new Date(2026, 3, 7, 3, 5);
const nowMs = madeAt.getTime() + 1_000;

it("ends each line with the name, or with where a link leads", () => {
  const options = { human: false, nowMs };
  expect(resourceText({ name: "big.bin", sizeBytes: 12_000_000, madeAt }, options)).toBe(
    "12000000 Apr 07 03:05   big.bin",
  );
  expect(resourceText({ name: "deep/" }, options)).toBe("-        -              deep/");
  expect(resourceText({ name: "d", linkTarget: "runs/1\n" }, options)).toMatch(/^- {8}- {14}d → runs\/1/);
});

it.each([
  [0, "0B"],
  [1023, "1023B"],
  [1536, "1.5K"],
  [12_000_000, "11M"],
  [5 * 1024 ** 3, "5.0G"],
])("%d bytes are %s", (bytes, text) => expect(shortSize(bytes)).toBe(text));

it("tells the year of what is old", () => {
  expect(shortTime(madeAt, nowMs + 400 * 24 * 3_600_000)).toBe("Apr 07 2026");
});
