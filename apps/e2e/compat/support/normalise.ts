/** What may differ between two farms without anybody noticing: times, places, secrets, hashes. */
import { userInfo } from "node:os";
import type { Client } from "./clients.ts";

const RULES: readonly (readonly [RegExp, string])[] = [
  // The historical client asks ssh-keygen, which looks into the home of the machine's user whatever HOME says.
  [/^Cannot stat \S+known_hosts: [^\n]*\n/gm, ""],
  // Python's remarks on the historical client's own lines.
  [/^\S+:\d+: (User|GetPass)Warning: [^\n]*\n {2}[^\n]*\n/gm, ""],
  [/^Warning: Password input may be echoed\.\n/gm, ""],
  // Which functions called each other is nobody's business.
  [/^Traceback \(most recent call last\):\n( [^\n]*\n)+/gm, "Traceback\n"],
  [new RegExp(`\\b${userInfo().username}\\b`, "g"), "root"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/g, "<time>"],
  [/datetime\.datetime\([^()]*tzinfo=[^()]*(\([^()]*\))?[^()]*\)/g, "<time>"],
  [/\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2} \d\d:\d\d(:\d\d)?\b/g, "<time>"],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?( UTC|\+00:00)?/g, "<time>"],
  [/\b(a|an|\d+) (second|minute|hour)s? ago\b *|\bjust now\b */g, "<ago>  "],
  // The column above it is as wide as the time.
  [/\b(CREATED|ARCHIVED|ADDED|STATUS)( AT)? +/g, "$1$2  "],
  [/\[\d+ seconds?\] */g, "[<duration>]  "],
  [/\bDuration {2,}(?=\S)/g, "Duration  "],
  [/\b\d+ seconds?\b(?: +(?=\S))?/g, "<seconds>  "],
  [/\bSHA256:\S+/g, "<fingerprint>"],
  [/\b(\d+h)?(\d+m)?\d+(\.\d+)?s\b/g, "<duration>"],
  [/^\d+\.\d\d% +\d+\.\d\d% .*$/gm, "<stats>"],
  [/\bspell_(user|run|git|token)[\w-]*/g, "<token>"],
  [/\b(br_)?[0-9a-f]{40}\b/g, "$1<commit>"],
  [/127\.0\.0\.1:\d+/g, "<address>"],
];

/** The text as it would be on any farm. */
export function normalise(text: string, client: Client): string {
  const placed = unwrapped(text).replaceAll(client.farm.folder, "<farm>");
  return RULES.reduce((so, [pattern, word]) => so.replace(pattern, word), placed);
}

/** The historical client breaks a sentence into lines of 80 columns, between words and after the hyphen in one. */
function unwrapped(text: string): string {
  return text.replace(/^(ERROR|WARNING): [^\n]*(\n {7}\S[^\n]*)+/gm, (lines) =>
    lines.replace(/(\S-)?\n {7}/g, (_break, hyphen?: string) => hyphen ?? " "),
  );
}
