/** The table of deviations in docs/compatibility.md, which the suite holds to what really differs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@spell/testing";
import type { Deviation } from "./deviations.ts";

export interface ListedDeviation extends Deviation {
  /** `area: title` */
  scenario: string;
}

const document = join(repositoryRoot, "docs/compatibility.md");
/** In the column of the steps: it must happen in this scenario, and may in every other. */
const EVERYWHERE = "everywhere";
const ANY_STEP = "any";

/** Every row, with its reason. */
export function tableRows(text = readFileSync(document, "utf8")): (ListedDeviation & { reason: string })[] {
  const [, after = ""] = text.split("<!-- deviations -->");
  const [table = ""] = after.split("<!-- end of deviations -->");
  return table
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).slice(1, -1);
      const [scenario = "", step = "", historical = "", ours = "", reason = ""] = cells.map((cell) => cell.trim());
      return { scenario, step, historical: fromCell(historical), ours: fromCell(ours), reason };
    });
}

/** Of one scenario: what happened and is not listed, and what is listed and did not happen. */
export function listedDeviations(
  scenario: string,
  happened: readonly ListedDeviation[],
  rows: readonly ListedDeviation[] = tableRows(),
): { unlisted: ListedDeviation[]; unfounded: ListedDeviation[] } {
  const mayHappen = rows.filter((row) => row.scenario === scenario || row.step === EVERYWHERE);
  const mustHappen = rows.filter((row) => row.scenario === scenario);
  return {
    unlisted: happened.filter((each) => !mayHappen.some((row) => matches(row, each))),
    unfounded: mustHappen.filter((row) => !happened.some((each) => matches(row, each))),
  };
}

function matches(row: ListedDeviation, each: ListedDeviation): boolean {
  if (row.step !== EVERYWHERE && row.step !== ANY_STEP && row.step !== each.step) return false;
  return patternOf(row).test(`${each.historical}\0${each.ours}`);
}

/** In a row `<any>` stands for any text, `<text>` for one that is the same in both lines. */
function patternOf({ historical, ours }: ListedDeviation): RegExp {
  let texts = 0;
  const source = `${historical}\0${ours}`
    .replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")
    .replaceAll("<any>", "[^\\0]*")
    .replaceAll("<text>", () => ((texts += 1) === 1 ? "([^\\0]*)" : "\\1"));
  return new RegExp(`^${source}$`);
}

/** As it would stand in the table, but for the reason. */
export function tableLine({ scenario, step, historical, ours }: ListedDeviation): string {
  return `| ${scenario} | ${step} | ${toCell(historical)} | ${toCell(ours)} | |`;
}

/** Code between backticks, where the bar must be escaped; two backticks where the line has one itself. */
function toCell(line: string): string {
  const fence = line.includes("`") ? "``" : "`";
  const padded = line === "" || line.startsWith(" ") || line.endsWith(" ") || fence === "``" ? ` ${line} ` : line;
  return `${fence}${padded.replaceAll("|", "\\|")}${fence}`;
}

function fromCell(cell: string): string {
  const inner = cell.replace(/^(`+)(.*)\1$/, "$2").replaceAll("\\|", "|");
  return /^ .* $/.test(inner) ? inner.slice(1, -1) : inner;
}
