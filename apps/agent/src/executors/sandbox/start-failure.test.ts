import { expect, test } from "vitest";
import { isNewEnough } from "./find-bwrap.ts";
import { sentenceFor } from "./start-failure.ts";

test.each([
  [
    "Can't chdir to /spell/x: No such file or directory",
    /^The working directory \/spell\/x cannot be entered in the run: no such file/,
  ],
  ["Can't mkdir parents for /spell/a/b: Not a directory", /^Cannot mount at \/spell\/a\/b: not a directory\. Choose/],
  ["Can't mkdir /data: Read-only file system", /^Cannot mount at \/data: read-only file system\./],
  ["execvp /bin/bash: Argument list too long", /too long.*put large values into files/],
  ["Something new", /^The sandbox could not be set up on this machine: Something new\.$/],
])("%s", (message, sentence) => {
  expect(sentenceFor(message)).toMatch(sentence);
});

test.each([
  ["bubblewrap 0.11.0\n", true],
  ["bubblewrap 0.8.0\n", false],
  ["bubblewrap 1.0\n", true],
  ["true (GNU coreutils) 9.1\n", false],
  ["", false],
])("version %j is new enough: %s", (output, expected) => {
  expect(isNewEnough(output)).toBe(expected);
});
