/** How far a transfer is, as a line. Pure. */
import { count, formatSize, formatSpan } from "./format.ts";

/** A transfer at one moment. */
export interface TransferState {
  /** What happens: `Uploading`. */
  verb: string;
  doneBytes: number;
  /** Undefined while it is not known. */
  totalBytes?: number;
  /** Files, or objects with these contents. */
  fileCount: number;
  /** Of them, what need not be transferred; undefined: does not apply. */
  knownCount?: number;
  /** Since the first byte. */
  elapsedMs: number;
}

/** `Uploading 12.3 MB of 50.1 MB, 24.0 MB/s, 2 seconds left (120 files, 1880 already there)`. */
export function progressText(state: TransferState): string {
  const { verb, doneBytes, totalBytes, fileCount, knownCount = 0, elapsedMs } = state;
  const bytesPerSecond = elapsedMs > 0 ? (doneBytes / elapsedMs) * 1_000 : 0;
  const parts = [`${verb} ${formatSize(doneBytes)}`];
  if (totalBytes !== undefined) parts[0] += ` of ${formatSize(totalBytes)}`;
  parts.push(`${formatSize(Math.round(bytesPerSecond))}/s`);
  if (totalBytes !== undefined && bytesPerSecond > 0) {
    const leftMs = Math.max(0, ((totalBytes - doneBytes) / bytesPerSecond) * 1_000);
    // A second more than it takes is better than one less.
    parts.push(`${formatSpan(Math.ceil(leftMs / 1_000) * 1_000)} left`);
  }
  const known = knownCount > 0 ? `, ${knownCount} already there` : "";
  return `${parts.join(", ")} (${count(fileCount, "file")}${known})`;
}
