import { expect, it } from "vitest";
import { progressText } from "./progress-text.ts";

it.each([
  [
    { doneBytes: 12_300_000, totalBytes: 50_100_000, fileCount: 120, knownCount: 1880, elapsedMs: 512 },
    "Uploading 12.3 MB of 50.1 MB, 24.0 MB/s, 2 seconds left (120 files, 1880 already there)",
  ],
  [{ doneBytes: 0, totalBytes: 10, fileCount: 1, elapsedMs: 0 }, "Uploading 0 B of 10 B, 0 B/s (1 file)"],
  [{ doneBytes: 2_000, fileCount: 2, elapsedMs: 1_000 }, "Uploading 2.0 kB, 2.0 kB/s (2 files)"],
  [
    { doneBytes: 1e6, totalBytes: 1e12, fileCount: 1, knownCount: 0, elapsedMs: 1_000 },
    "Uploading 1.0 MB of 1.0 TB, 1.0 MB/s, 11 days left (1 file)",
  ],
  // More came than was announced.
  [
    { doneBytes: 20, totalBytes: 10, fileCount: 1, elapsedMs: 1_000 },
    "Uploading 20 B of 10 B, 20 B/s, 0 seconds left (1 file)",
  ],
])("%j is told as %s", (state, text) => {
  expect(progressText({ verb: "Uploading", ...state })).toBe(text);
});
