/** The table of `spell ps`: headings and cells as scripts have known them. Pure. */
import type { Run } from "@spell/sdk";
import { oneLine } from "./clean-text.ts";
import { cut, formatAge, formatSpan } from "./format.ts";
import { isActive, statusName } from "./run-text.ts";
import { plain } from "./symbols.ts";

export interface RunListingOptions {
  trunc: boolean;
  verbose: boolean;
  emoji: boolean;
  colours: boolean;
  now: Date;
}

const COMMAND_WIDTH = 25;
const COMMIT_WIDTH = 8;

interface Column {
  heading: string;
  cell: (run: Run, options: RunListingOptions) => string;
  /** Left out of the plain listing. */
  verbose?: boolean;
  /** Left out when no run has anything in it. */
  optional?: boolean;
}

const COLUMNS: readonly Column[] = [
  { heading: "ID", cell: ({ id }) => String(id) },
  { heading: "REPOSITORY", cell: ({ record }) => record.spec?.codeRoot ?? "" },
  { heading: "COMMAND", cell: ({ command }, { trunc, emoji }) => shortened(command, trunc, emoji) },
  {
    heading: "COMMIT",
    cell: ({ record }) => record.spec?.gitCommit.slice(0, COMMIT_WIDTH) ?? "",
    verbose: true,
  },
  { heading: "STATUS", cell: statusCell },
  { heading: "CREATOR", cell: ({ owner }) => owner },
  { heading: "LABELS", cell: ({ labels }) => labels.join(", "), verbose: true, optional: true },
  { heading: "MACHINE", cell: ({ machineType }) => machineType, verbose: true },
  { heading: "DESCRIPTION", cell: ({ record }) => record.spec?.description ?? "", verbose: true },
];

/** Headings and rows of these runs. */
export function runListing(runs: readonly Run[], options: RunListingOptions): { headings: string[]; rows: string[][] } {
  const columns = COLUMNS.filter(
    ({ verbose, optional, cell }) =>
      (options.verbose || !verbose) && (!optional || runs.some((run) => cell(run, options) !== "")),
  );
  const rows = runs.map((run) =>
    columns.map(({ heading, cell }) => {
      const text = cell(run, options);
      // The colours of a status are ours; everything else may hold anything.
      return heading === "STATUS" ? text : oneLine(text).trim();
    }),
  );
  return { headings: columns.map(({ heading }) => heading), rows };
}

/** One row for programs. Cells with commas or quotes are quoted, so that the columns stay where they are. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}

function shortened(command: string, trunc: boolean, emoji: boolean): string {
  const line = oneLine(command).trim();
  return trunc ? plain(cut(line, COMMAND_WIDTH), emoji) : line;
}

function statusCell(run: Run, options: RunListingOptions): string {
  const active = isActive(run);
  const name =
    active && options.colours ? `\x1b[32m*${statusName(run)}\x1b[39m` : `${active ? "*" : ""}${statusName(run)}`;
  return options.verbose ? name + timing(run, options.now) : name;
}

/** How long it has been running, or how long ago it ended or was asked for. */
function timing({ createdAt, startedAt, endedAt }: Run, now: Date): string {
  if (endedAt === undefined && startedAt !== undefined) return ` [${formatSpan(now.getTime() - startedAt.getTime())}]`;
  return ` -- ${formatAge(endedAt ?? createdAt, now)}`;
}
