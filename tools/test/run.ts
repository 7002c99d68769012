/**
 * `npm test`: every test, TypeScript and Python, ending with one line that counts them.
 *   npm test -- --only libs/spellfs     only what lies there; further arguments go to vitest
 */
import { parseArgs } from "node:util";
import { runTests } from "./run-tests.ts";
import { tallyLine } from "./tally.ts";

const { values, tokens } = parseArgs({
  options: { only: { type: "string" } },
  strict: false,
  allowPositionals: true,
  tokens: true,
});
const only = typeof values.only === "string" ? values.only : undefined;

// What is not ours goes to vitest as it was typed.
const ours = new Set<number>();
for (const token of tokens) {
  if (token.kind !== "option" || token.name !== "only") continue;
  ours.add(token.index);
  if (token.inlineValue === false) ours.add(token.index + 1);
}
const vitestArgs = process.argv.slice(2).filter((_argument, index) => !ours.has(index));

// Leaving by process.exit lets the run end what it started.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const tally = await runTests({ only, vitestArgs });
console.log(tallyLine(tally));
process.exitCode = tally.failed === 0 ? 0 : 1;
