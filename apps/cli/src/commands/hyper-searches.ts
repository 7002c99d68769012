/** `spell hyper`: what is done with searches that exist. */
import { open } from "node:fs/promises";
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { usageError } from "../exit-codes.ts";
import { csvLine } from "../output/run-listing.ts";
import { formatAge, formatListing, formatTable } from "../output/format.ts";
import { describeSearch, parameterNames, runRow, searchToJson } from "../output/search-text.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

/** Adds the sub-commands. */
export function registerSearchCommands(group: Command): void {
  const ofSearch = (name: string, summary: string): Command =>
    addCommandFile(group.command(name).description(summary).argument("<id>", "number of the search"));
  ofSearch("stop", "stop its runs and keep their outputs; it makes no more")
    .option("-q, --quiet", "say nothing but errors")
    .option("--json", "print a JSON object: the search")
    .action((id: string, options: EndOptions) => end("stop", id, options));
  ofSearch("kill", "end its runs at once, saving nothing; it makes no more")
    .option("-q, --quiet", "say nothing but errors")
    .option("--json", "print a JSON object: the search")
    .action((id: string, options: EndOptions) => end("kill", id, options));
  ofSearch("describe", "show a search and its runs").option("--json", "print a JSON object").action(describe);
  ofSearch("archive", "list an ended search no more; its runs stay")
    .option("--json", "print a JSON object")
    .action(archive);
  ofSearch("download-metrics", "save all metrics of its runs as CSV")
    .option("-d, --dest <FILE>", "where to", "metrics.csv")
    .option("-f, --force", "overwrite a file that is there")
    .option("--json", "print a JSON object: where they are, and how many")
    .action(downloadMetrics);
  const list = group.command("list").description("list searches").option("--json", "print a JSON array");
  addCommandFile(list).action(listSearches);
}

interface EndOptions {
  quiet?: boolean;
  json?: boolean;
}

async function end(verb: "stop" | "kill", word: string, { quiet = false, json }: EndOptions): Promise<void> {
  using client = openClient();
  const search = await client.hyper.get(parseId(word));
  await search[verb]();
  const doing = verb === "stop" ? "Stopping" : "Killing";
  if (json) terminal.json(searchToJson(search.record, search.runs));
  else if (!quiet) terminal.line(`${doing} hyperparameter search ${search.id}.`);
}

async function listSearches({ json }: { json?: boolean }): Promise<void> {
  using client = openClient();
  const searches = (await client.hyper.list()).reverse();
  if (json) {
    terminal.json(searches.map((search) => searchToJson(search)));
    return;
  }
  const now = new Date();
  const rows = searches.map(({ id, numRuns, createdAtMs, owner }) => {
    return [String(id), String(numRuns), formatAge(new Date(createdAtMs), now), owner];
  });
  terminal.write(formatListing(["ID", "# RUNS", "CREATED AT", "CREATOR"], rows));
}

async function describe(word: string, { json }: { json?: boolean }): Promise<void> {
  using client = openClient();
  const search = await client.hyper.get(parseId(word));
  if (json) {
    terminal.json(searchToJson(search.record, search.runs));
    return;
  }
  const now = new Date();
  const names = parameterNames(search);
  terminal.line("Hyperparameter Search Info:");
  terminal.write(formatTable(describeSearch(search.record, now)));
  terminal.line();
  terminal.line("Runs:");
  const rows = search.runs.map((run) => runRow(run, names, now));
  terminal.write(formatListing(["Run ID", "Status", "Duration", ...names], rows));
}

async function archive(word: string, { json }: { json?: boolean }): Promise<void> {
  using client = openClient();
  const id = parseId(word);
  await client.hyper.archive(id);
  if (json) terminal.json({ id, archived: true });
  else terminal.line(String(id));
}

async function downloadMetrics(
  word: string,
  { dest, force = false, json }: { dest: string; force?: boolean; json?: boolean },
): Promise<void> {
  using client = openClient();
  const search = await client.hyper.get(parseId(word));
  const file = await open(dest, force ? "w" : "wx").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") throw usageError(`The file "${dest}" exists already. Overwrite it with --force.`);
    throw usageError(`The file "${dest}" cannot be written: ${error.message}.`);
  });
  let points = 0;
  try {
    await file.write(csvLine(["run_id", "metric_name", "timestamp", "index", "value"]));
    for (const name of await search.metricNames()) {
      let lines: string[] = [];
      for await (const { runId, atMs, index, value } of search.metric(name)) {
        points += 1;
        lines.push(csvLine([String(runId), name, microseconds(atMs), String(index), String(value)]));
        if (lines.length < 1_000) continue;
        await file.write(lines.join(""));
        lines = [];
      }
      await file.write(lines.join(""));
    }
  } finally {
    await file.close();
  }
  if (json) terminal.json({ file: dest, points });
  else terminal.line(`Downloaded metrics to ${dest}.`);
}

/** UTC to the microsecond. */
function microseconds(atMs: number): string {
  const rest = Math.round((atMs - Math.floor(atMs)) * 1_000);
  return `${new Date(Math.floor(atMs)).toISOString().slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
}
