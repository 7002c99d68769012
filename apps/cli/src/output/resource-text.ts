/** Resources as lines that scripts have cut for years: the name is the last word. Pure. */
import type { ResourceLine } from "@spell/sdk";
import { oneLine } from "./clean-text.ts";

const YEAR_MS = 365 * 24 * 3_600_000;

/** `size date name`; a link ends with where it leads. */
export function resourceText(
  { name, sizeBytes, madeAt, linkTarget }: ResourceLine,
  { human, nowMs }: { human: boolean; nowMs: number },
): string {
  const size = sizeBytes === undefined ? "-" : human ? shortSize(sizeBytes) : String(sizeBytes);
  const date = madeAt === undefined ? "-" : shortTime(madeAt, nowMs);
  const target = linkTarget === undefined ? "" : ` → ${oneLine(linkTarget)}`;
  return `${size.padEnd(8)} ${date.padEnd(14)} ${oneLine(name)}${target}`;
}

/** `770B`, `1.5K`, `11M`: with one decimal below ten. */
export function shortSize(sizeBytes: number): string {
  const units = ["B", "K", "M", "G", "T", "P"];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)}${units[unit] ?? ""}`;
}

/** `Apr 27 23:50`, in local time; older than a year with the year. */
export function shortTime(instant: Date, nowMs: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const month = instant.toLocaleString("en-US", { month: "short" });
  const isOld = nowMs - instant.getTime() > YEAR_MS;
  const end = isOld ? String(instant.getFullYear()) : `${two(instant.getHours())}:${two(instant.getMinutes())}`;
  return `${month} ${two(instant.getDate())} ${end}`;
}
