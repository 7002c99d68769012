import { expect, test } from "vitest";
import { exitCodeOfRun } from "../wait-run.ts";
import { sentLine } from "../code/submit-code.ts";
import { oneLine } from "./clean-text.ts";
import type { RunStatus } from "@spell/sdk";
import type { Description } from "./description.ts";
import { formatDescription } from "./description.ts";
import { cut, formatAge, formatListing, formatMoment, formatSize, formatSpan, formatTable } from "./format.ts";
import { statusName } from "./run-text.ts";
import { decorate, localeIsUtf8 } from "./symbols.ts";

test.each([
  [0, "0 B"],
  [770, "770 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [12_345, "12.3 kB"],
  [999_949, "999.9 kB"],
  [999_999, "1.0 MB"],
  [2 ** 31, "2.1 GB"],
])("%d bytes are %s", (bytes, text) => expect(formatSize(bytes)).toBe(text));

test("tables are aligned, with nothing trailing and colours not counted", () => {
  expect(
    formatTable([
      ["ID", "STATUS", "BY"],
      ["1", "\x1b[32m*Running\x1b[39m", ""],
      ["12", "Complete (0)", "nora"],
    ]),
  ).toBe("ID  STATUS        BY\n1   \x1b[32m*Running\x1b[39m\n12  Complete (0)  nora\n");
});

test("listings leave room behind each heading but the last", () => {
  const rows = [
    ["2", "sleep 1000", "*Running", ""],
    ["335", "ls", "Complete (0)", "nora"],
  ];
  expect(formatListing(["ID", "COMMAND", "STATUS", "CREATOR"], rows)).toBe(
    "ID    COMMAND     STATUS        CREATOR\n2     sleep 1000  *Running\n335   ls          Complete (0)  nora\n",
  );
  expect(formatListing(["A", "B"], [])).toBe("A    B\n");
});

test.each([
  [0, "0 seconds"],
  [1_000, "1 second"],
  [59_999, "59 seconds"],
  [60_000, "1 minute"],
  [7_199_000, "1 hour"],
  [86_400_000 * 32, "32 days"],
  [-5_000, "0 seconds"],
])("%d ms are %s", (spanMs, text) => expect(formatSpan(spanMs)).toBe(text));

test("ages: a date when it is long ago", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  expect(formatAge(new Date("2026-11-25T11:57:00Z"), now)).toBe("3 minutes ago");
  expect(formatAge(new Date("2026-11-12T12:00:00Z"), now)).toBe("13 days ago");
  expect(formatAge(new Date("2024-09-16T12:00:00Z"), now)).toBe("2024-09-16");
});

test("descriptions: a line for each of a list, nothing for what is not there", () => {
  const description: Description = [
    ["Status", "complete (0)"],
    ["Labels", ["one", "two\nlines"]],
    ["Mounts", []],
    ["Directory", ""],
    ["End Time", undefined],
  ];
  expect(formatDescription(description)).toBe("Status  complete (0)\nLabels  one\n        two lines\n");
});

test.each<[RunStatus, number | undefined, number]>([
  ["complete", 0, 0],
  ["complete", 66, 66],
  ["failed", 3, 3],
  ["failed", 0, 125],
  ["failed", undefined, 125],
  ["stopped", 0, 125],
  ["killed", undefined, 125],
  ["interrupted", undefined, 125],
  ["build_failed", undefined, 125],
])("a run that is %s with exit code %s exits --wait with %d", (status, userExitCode, exitCode) => {
  expect(exitCodeOfRun({ status, userExitCode })).toBe(exitCode);
});

test("cut, and one line of anything", () => {
  expect(cut("a".repeat(25), 25)).toBe("a".repeat(25));
  expect(cut("a".repeat(26), 25)).toBe(`${"a".repeat(24)}…`);
  expect(oneLine("a\n\tb\x1b[31mc\x1b]0;t\x07\x00d")).toBe("a bc d");
});

test.each([
  [{ LC_ALL: "en_US.UTF-8" }, true],
  [{ LANG: "C.utf8" }, true],
  [{ LC_ALL: "C", LANG: "en_US.UTF-8" }, false],
  [{ LC_ALL: "", LC_CTYPE: "UTF-8" }, true],
  [{}, false],
])("locale %j speaks UTF-8: %s", (environment, expected) => expect(localeIsUtf8(environment)).toBe(expected));

test("texts with and without emoji", () => {
  expect(decorate("cast", "Casting spell #3…", true)).toBe("💫 Casting spell #3…");
  expect(decorate("cast", "Casting spell #3…", false)).toBe("Casting spell #3...");
});

test.each([
  ["machine_requested", undefined, "Queued"],
  ["complete", 0, "Complete (0)"],
  ["failed", 66, "Failed (66)"],
  ["build_failed", undefined, "Build Failed"],
] as const)("status %s with exit code %s is %s", (status, userExitCode, name) =>
  expect(statusName({ status, userExitCode })).toBe(name),
);

test("what was sent", () => {
  expect(sentLine({ uploadedBlobs: 0, uploadedBytes: 0, knownBlobs: 5 })).toBe("Everything up-to-date");
  expect(sentLine({ uploadedBlobs: 1, uploadedBytes: 5, knownBlobs: 0 })).toBe("Uploaded 1 object, 5 B");
  expect(sentLine({ uploadedBlobs: 3, uploadedBytes: 12_345, knownBlobs: 9 })).toBe(
    "Uploaded 3 objects, 12.3 kB (9 already there)",
  );
});

test("a moment has its hour, or its year when it is long ago", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  expect(formatMoment(new Date("2026-11-25T11:57:00Z"), now)).toMatch(/^Nov 25 \d\d:57$/);
  expect(formatMoment(new Date("2024-09-16T12:00:00Z"), now)).toMatch(/^Sep 16 2024$/);
});
