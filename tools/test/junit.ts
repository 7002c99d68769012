/** Reads the counts of a junit report; both runners write one, and CI systems show it. */
import { readFileSync } from "node:fs";
import type { Tally } from "./tally.ts";

/** The sum over the report's test cases; undefined when there is no readable report. */
export function readJunit(path: string): Tally | undefined {
  let xml: string;
  try {
    xml = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  return countJunit(xml);
}

/** Counts cases by what each holds; undefined for text that is no finished report. */
export function countJunit(xml: string): Tally | undefined {
  if (!/<\/testsuites>\s*$|<testsuites[^>]*\/>\s*$/.test(xml)) return undefined;
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [, attributes, body] of xml.matchAll(/<testcase\b((?:"[^"]*"|[^>"])*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    if (attributes === undefined) continue;
    if (/<(failure|error)\b/.test(body ?? "")) tally.failed += 1;
    else if (/<skipped\b/.test(body ?? "")) tally.skipped += 1;
    else tally.passed += 1;
  }
  return tally;
}
