/**
 * `npm run verify`: exactly what CI runs. All checks, two at a time; then all tests; then the line that counts the tests.
 * A failed check counts as one failure in that line, so that it never reads as success.
 *   npm run verify -- --no-tests     the checks alone
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import pLimit from "p-limit";
import { repositoryRoot } from "@spell/testing";
import { runProgram } from "../test/run-program.ts";
import { runTests } from "../test/run-tests.ts";
import { emptyTally, tallyLine } from "../test/tally.ts";
import { checks } from "./checks.ts";
import type { Check } from "./checks.ts";

const { values } = parseArgs({ options: { "no-tests": { type: "boolean", default: false } } });

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

/** Runs one check and prints its line, with its output when it failed. */
async function passes(check: Check): Promise<boolean> {
  const [program, ...args] = check.command;
  const result = await runProgram(join(repositoryRoot, "node_modules", ".bin", program), args, {
    env: { FORCE_COLOR: "0", NX_DAEMON: "false" },
    shown: false,
    timeoutMs: 5 * 60_000,
  });
  const took = `${(result.tookMs / 1000).toFixed(1)} s`;
  if (result.exitCode === 0) {
    console.log(`ok      ${check.name} (${took})`);
    return true;
  }
  const cure = check.cure === undefined ? "" : `\nMost of it is put right by: ${check.cure}`;
  console.log(`FAILED  ${check.name} (${took}): ${check.command.join(" ")}\n${result.output.trimEnd()}${cure}\n`);
  return false;
}

const twoAtATime = pLimit(2);
const verdicts = await Promise.all(
  checks.map((check) => twoAtATime(async () => ({ name: check.name, passed: await passes(check) }))),
);
const failedChecks = verdicts.filter((verdict) => !verdict.passed).map((verdict) => verdict.name);
console.log(`\n${checks.length - failedChecks.length} of ${checks.length} checks passed\n`);

const tally = values["no-tests"] ? emptyTally : await runTests();
if (failedChecks.length > 0) console.log(`FAILED  checks: ${failedChecks.join(", ")}`);
const total = { ...tally, failed: tally.failed + failedChecks.length };
console.log(tallyLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;
