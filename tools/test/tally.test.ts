import { describe, expect, test } from "vitest";
import { addTally, judgeRunner, tallyLine } from "./tally.ts";

const tally = (passed: number, failed: number, skipped = 0) => ({ passed, failed, skipped });

describe("tally", () => {
  test("the last line names skipped tests only when there are any", () => {
    expect(tallyLine(tally(3, 0))).toBe("3 passed, 0 failed");
    expect(tallyLine(addTally(tally(3, 1), tally(2, 0, 4)))).toBe("5 passed, 1 failed, 4 skipped");
  });

  test.each([
    { name: "all is well", report: tally(3, 0), exitCode: 0, failed: 0 },
    { name: "failed tests are counted once", report: tally(3, 2), exitCode: 1, failed: 2 },
    { name: "a crash after green tests fails", report: tally(3, 0), exitCode: 1, failed: 1 },
    { name: "no report at all fails", report: undefined, exitCode: 0, failed: 1 },
    { name: "a run without tests fails", report: tally(0, 0), exitCode: 0, failed: 1 },
    { name: "a run of skipped tests only fails", report: tally(0, 0, 5), exitCode: 0, failed: 1 },
  ])("runner: $name", ({ report, exitCode, failed }) => {
    expect(judgeRunner(report, exitCode, "vitest").tally.failed).toBe(failed);
  });
});
