/** What may differ between two farms without anybody noticing: times, places, secrets, hashes. */
import { userInfo } from "node:os";
import type { Client } from "./clients.ts";

const RULES: readonly (readonly [RegExp, string])[] = [
  // The historical client asks ssh-keygen, which looks into the home of the machine's user whatever HOME says.
  [/^Cannot stat \S+known_hosts: [^\n]*\n/gm, ""],
  [new RegExp(`\\b${userInfo().username}\\b`, "g"), "root"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/g, "<time>"],
  [/datetime\.datetime\([^()]*tzinfo=[^()]*(\([^()]*\))?[^()]*\)/g, "<time>"],
  [/\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2} \d\d:\d\d\b/g, "<time>"],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?/g, "<time>"],
  [/\b(a|an|\d+) (second|minute|hour)s? ago\b *|\bjust now\b */g, "<ago>  "],
  // The column above it is as wide as the time.
  [/\bCREATED +/g, "CREATED  "],
  [/\b(\d+h)?(\d+m)?\d+(\.\d+)?s\b/g, "<duration>"],
  [/\bspell_(user|run|git|token)[A-Za-z0-9_]*\b/g, "<token>"],
  [/\b(br_)?[0-9a-f]{40}\b/g, "$1<commit>"],
  [/127\.0\.0\.1:\d+/g, "<address>"],
];

/** The text as it would be on any farm. */
export function normalise(text: string, client: Client): string {
  const placed = text.replaceAll(client.farm.folder, "<farm>");
  return RULES.reduce((so, [pattern, word]) => so.replace(pattern, word), placed);
}
