import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { deviationsBetween } from "./deviations.ts";
import { listedDeviations, tableLine, tableRows } from "./table.ts";

const table = (...rows: string[]) =>
  tableRows(["<!-- deviations -->", "| scenario |", "| --- |", ...rows, "<!-- end of deviations -->"].join("\n"));
const of = (historical: string, ours: string, { step = "ps", scenario = "runs: ps" } = {}) => ({
  ...{ scenario, step, historical, ours },
});

describe("the table of deviations", () => {
  it.each([["plain"], [" led by a blank"], ["a | b"], ["`ticked`"], ["a\\b"], ["ends "], ["(.*)"]])(
    "says of %j what happened, and takes it back",
    (line) => {
      const [row] = table(tableLine(of(line, "other")).replace(/\| \|$/, "| because |"));
      expect(row).toEqual({ ...of(line, "other"), reason: "because" });
      expect(listedDeviations("runs: ps", [of(line, "other")], row ? [row] : [])).toEqual({
        ...{ unlisted: [], unfounded: [] },
      });
    },
  );

  it("names what is not listed, and what is listed and did not happen", () => {
    const rows = [of("a", "b"), of("c", "d"), of("c", "d", { scenario: "another" })];
    const happened = [of("a", "b"), of("a", "x")];
    expect(listedDeviations("runs: ps", happened, rows)).toEqual({
      ...{ unlisted: [of("a", "x")], unfounded: [of("c", "d")] },
    });
  });

  it("lets one row stand for the same thing everywhere", () => {
    const rows = [of("ERROR: <text>", "<text>", { step: "everywhere", scenario: "first" }), of("<any>", "—")];
    const { unlisted, unfounded } = listedDeviations("second", [of("ERROR: no", "no"), of("ERROR: no", "yes")], rows);
    expect(unlisted).toEqual([of("ERROR: no", "yes")]);
    expect(unfounded).toEqual([]);
    expect(listedDeviations("first", [], rows).unfounded).toHaveLength(1);
  });
});

describe("two transcripts", () => {
  const step = (stdout: string, more = {}) => ({ step: "ps", exitCode: 0, stdout, stderr: "", ...more });

  it("differ by the lines between those that both have", () => {
    expect(deviationsBetween([step("a\nb\nc\n")], [step("a\nx\nc\nd\n")])).toEqual([
      { step: "ps", historical: "b", ours: "x" },
      { step: "ps", historical: "—", ours: "d" },
    ]);
  });

  it("face a sentence with the one that says more", () => {
    const left = step("", { stderr: "WARNING: odd\nERROR: No such run.\n" });
    expect(deviationsBetween([left], [step("", { stderr: 'No such run. "spell ps" lists them.\n' })])).toEqual([
      { step: "ps", historical: "stderr: WARNING: odd", ours: "—" },
      {
        step: "ps",
        historical: "stderr: ERROR: No such run.",
        ours: 'stderr: No such run. "spell ps" lists them.',
      },
    ]);
  });

  it("differ by exit code and stream", () => {
    const other = step("", { exitCode: 1, stderr: "a\n" });
    expect(deviationsBetween([step("a\n")], [other])).toEqual([
      { step: "ps", historical: "a", ours: "—" },
      { step: "ps", historical: "—", ours: "stderr: a" },
      { step: "ps", historical: "exit 0", ours: "exit 1" },
    ]);
  });
});

describe("the document", () => {
  const folder = join(repositoryRoot, "apps/e2e/compat");
  const sources = readdirSync(folder).filter((name) => name.endsWith(".itest.ts"));
  const scenarios = sources.flatMap((name) => {
    const source = readFileSync(join(folder, name), "utf8");
    const area = /\barea\(\s*"([^"]+)"/.exec(source)?.[1] ?? "";
    return [...source.matchAll(/\bscenario\(\s*"([^"]+)"/g)].map(([, title = ""]) => `${area}: ${title}`);
  });

  it("lists deviations of scenarios that exist, each with a reason", () => {
    const rows = tableRows();
    expect(rows.filter((row) => !scenarios.includes(row.scenario))).toEqual([]);
    expect(rows.filter((row) => row.reason.length < 10)).toEqual([]);
  });
});
