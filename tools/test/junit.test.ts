import { expect, test } from "vitest";
import { countJunit } from "./junit.ts";

test("cases are counted by what they hold", () => {
  const xml = `<?xml version="1.0"?><testsuites><testsuite name="a">
    <testcase name="one" time="0.1"/>
    <testcase name="two &gt; 1" file="x>y"></testcase>
    <testcase name="three"><failure message="a &lt; b">text</failure></testcase>
    <testcase name="four"><error message="boom"/></testcase>
    <testcase name="five"><skipped/></testcase>
    <testcase name="six"><system-out>a failure it is not</system-out></testcase>
  </testsuite></testsuites>`;
  expect(countJunit(xml)).toEqual({ passed: 3, failed: 2, skipped: 1 });
});

test("a report cut off in the middle is no report", () => {
  expect(countJunit(`<testsuites><testsuite><testcase name="one"/>`)).toBeUndefined();
  expect(countJunit("")).toBeUndefined();
});

test("an empty report has no tests", () => {
  expect(countJunit("<testsuites></testsuites>")).toEqual({ passed: 0, failed: 0, skipped: 0 });
});
