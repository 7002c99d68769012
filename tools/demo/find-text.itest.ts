import { expect, test } from "vitest";
import { repositoryRoot } from "@spell/testing";
import { findText, usualPlaces } from "./find-text.ts";

test("a clone that is set up holds enough prose by itself", () => {
  const npmPackages = usualPlaces(repositoryRoot).folders.slice(-1);
  const found = findText({ files: [], folders: npmPackages });
  expect(found.bytes.length).toBeGreaterThan(300_000);
  expect(found.sentence).toContain("the documentation of npm packages");
});
