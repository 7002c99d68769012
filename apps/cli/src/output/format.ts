/** Sizes, times and tables. Pure. */
import { stripVTControlCharacters } from "node:util";

const SIZE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Bytes for people: `770 B`, `12.3 kB`. */
export function formatSize(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 999.95 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${SIZE_UNITS[unit] ?? "B"}`;
}

/** `1 file`, `3 files`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Left-aligned columns with two spaces between, no borders, nothing trailing. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, width(cell))));
  const pad = (cell: string, column: number): string => cell + " ".repeat((widths[column] ?? 0) - width(cell));
  return rows.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

/** As a table, below headings that always leave four spaces to the next one: what scripts have cut by columns for years. */
export function formatListing(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  // Spaces that cannot be seen widen the columns; the last one ends with its cells.
  const wide = headings.map((heading, column) => (column === headings.length - 1 ? heading : `${heading}  `));
  return formatTable([wide, ...rows]);
}

/** How long in its largest unit, rounded down: `32 seconds`, `1 hour`, `4 days`. */
export function formatSpan(spanMs: number): string {
  const seconds = Math.max(0, Math.floor(spanMs / 1_000));
  if (seconds < 60) return count(seconds, "second");
  if (seconds < 3_600) return count(Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return count(Math.floor(seconds / 3_600), "hour");
  return count(Math.floor(seconds / 86_400), "day");
}

/** How long ago; the date when that is more than two weeks: `3 minutes ago`, `2026-04-27`. */
export function formatAge(instant: Date, now: Date): string {
  const agoMs = now.getTime() - instant.getTime();
  return agoMs < 14 * 86_400_000 ? `${formatSpan(agoMs)} ago` : formatTime(instant).slice(0, 10);
}

/** Cut to a length, with an ellipsis where something is missing. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** A local date and time: `2026-04-27 23:50:01`. */
export function formatTime(instant: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${instant.getFullYear()}-${two(instant.getMonth() + 1)}-${two(instant.getDate())}`;
  return `${date} ${two(instant.getHours())}:${two(instant.getMinutes())}:${two(instant.getSeconds())}`;
}

/** Printed columns of a cell, without the colours around it. */
function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

/** A local moment as `ls` prints one, with the year instead of the hour when it is long ago: `Apr 27 23:50`, `Apr 27 2024`. */
export function formatMoment(instant: Date, now: Date): string {
  const month = instant.toLocaleString("en-US", { month: "short" });
  const isLongAgo = now.getTime() - instant.getTime() > 365 * 86_400_000;
  const rest = isLongAgo ? String(instant.getFullYear()) : formatTime(instant).slice(11, 16);
  return `${month} ${String(instant.getDate()).padStart(2, "0")} ${rest}`;
}
