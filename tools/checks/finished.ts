/** Rules that keep half-finished work out. */
import type { Rule } from "./rule.ts";
import { findLines, isSource, isTest } from "./rule.ts";

/** No test is switched off, and none switches the others off; a condition belongs in skipIf with its reason. */
export const noDisabledTests: Rule = {
  name: "no disabled tests",
  severity: "error",
  find: (files) =>
    findLines(files, {
      wanted: (path) => isTest(path) && !path.startsWith("tools/checks/"),
      pattern: /\b(it|test|describe|suite)(\.\w+)*\.(only|skip|todo)\b|@(pytest\.mark\.skip|unittest\.skip)\b(?!if|If)/,
      message: "a test is switched off or alone on",
    }),
};

/** What is left to do lives in the issue tracker. */
export const noTodo: Rule = {
  name: "no notes to self",
  severity: "error",
  find: (files) =>
    findLines(files, {
      wanted: (path) => isSource(path) && !path.startsWith("tools/checks/"),
      pattern: /\b(TODO|FIXME)\b/,
      message: "do it, or write an issue",
    }),
};

const longFileLines = 300;

/** Files that grew beyond what one reads in one go. */
export const shortFiles: Rule = {
  name: "file length",
  severity: "hint",
  find: (files) =>
    files
      .filter((file) => isSource(file.path) && !isTest(file.path))
      .map((file) => ({ file, lines: file.text.split("\n").length }))
      .filter(({ lines }) => lines > longFileLines)
      .map(({ file, lines }) => ({ path: file.path, line: 0, message: `${lines} lines: does it hold one idea?` })),
};

/** A file says first what it is for. */
export const openingComment: Rule = {
  name: "opening comment",
  severity: "hint",
  find: (files) =>
    files
      .filter((file) => /^(apps|libs|tools|bench)\/.*\.(ts|tsx|mjs)$/.test(file.path))
      .filter((file) => isSource(file.path) && !isTest(file.path) && !/\/(index|main)\.ts$/.test(file.path))
      .filter((file) => !/^(#!.*\n)?\s*\/\*\*/.test(file.text))
      .map((file) => ({ path: file.path, line: 1, message: "does not open with a comment that says what it is for" })),
};
