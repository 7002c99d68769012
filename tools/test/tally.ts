/** Counts of tests, summed over the runners, and the one line that ends every test run. */

/** What one runner or all of them came to. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** No tests yet. */
export const emptyTally: Tally = { passed: 0, failed: 0, skipped: 0 };

/** The sum of two tallies. */
export function addTally(left: Tally, right: Tally): Tally {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

/** The last line: `12 passed, 0 failed`, with the skipped ones when there are any. */
export function tallyLine(tally: Tally): string {
  const skipped = tally.skipped === 0 ? "" : `, ${tally.skipped} skipped`;
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}

/**
 * What a runner's report is worth given how the runner itself ended: a runner that failed without a failed test
 * crashed, and one that ran nothing proved nothing; either counts as one failure. Says why in `complaint`.
 */
export function judgeRunner(
  report: Tally | undefined,
  exitCode: number,
  runner: string,
): { tally: Tally; complaint?: string } {
  if (report === undefined) {
    return { tally: { ...emptyTally, failed: 1 }, complaint: `${runner} left no report (exit code ${exitCode})` };
  }
  if (exitCode !== 0 && report.failed === 0) {
    return {
      tally: { ...report, failed: 1 },
      complaint: `${runner} ended with exit code ${exitCode} although no test failed`,
    };
  }
  if (report.passed + report.failed === 0) {
    return { tally: { ...report, failed: 1 }, complaint: `${runner} ran no test` };
  }
  return { tally: report };
}
