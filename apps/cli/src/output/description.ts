/** What is known about one thing, as names and values below each other: `spell info` and its like. Pure. */
import { oneLine } from "./clean-text.ts";
import { formatTable } from "./format.ts";

/** Names and values in order. A list has a line for each; a name without a value is left out. */
export type Description = readonly (readonly [name: string, value: string | readonly string[] | undefined])[];

export function formatDescription(description: Description): string {
  const rows = description.flatMap(([name, value]) => {
    const lines = (typeof value === "string" ? [value] : (value ?? [])).filter((line) => line !== "");
    return lines.map((line, at) => [at === 0 ? name : "", oneLine(line)]);
  });
  return formatTable(rows);
}
