/** `spell info`: all about one run. */
import { formatDuration } from "@spell/domain";
import type { Run } from "@spell/sdk";
import type { Command } from "commander";
import { oneLine } from "../output/clean-text.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerInfo(program: Command): void {
  program
    .command("info")
    .description("Describe a run.")
    .argument("<run-id>", "number of the run")
    .option("--json", "print a JSON object")
    .action(info);
}

async function info(word: string, options: { json?: boolean }): Promise<void> {
  const id = parseId(word);
  using client = openClient();
  const run = await client.runs.get(id);
  if (options.json) terminal.json(runToJson(run));
  else terminal.write(formatTable(describe(run).map(([name, value]) => [name, oneLine(value)])));
}

/** Names and values; what a run does not have is left out. */
function describe(run: Run): [string, string][] {
  const { spec, reason, agent } = run.record;
  const exit = run.userExitCode === undefined ? "" : ` (${run.userExitCode})`;
  const mounts = (spec?.mounts ?? []).map(
    ({ resource, mountPoint }) => `${resource}${mountPoint && ` at ${mountPoint}`}`,
  );
  const environment = Object.entries(spec?.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  const rows: [string, string][] = [
    ["Repository", spec?.codeRoot ?? ""],
    ["Git Commit", spec?.gitCommit ?? ""],
    ["Status", run.status + exit],
    ["Reason", reason],
    ["Command", run.command],
    ["Directory", spec?.cwd ?? ""],
    ["Creator", run.owner],
    ["Description", spec?.description ?? ""],
    ["Workflow", spec?.workflowId ? String(spec.workflowId) : ""],
    ["Machine Type", run.machineType],
    ["Machine", agent],
    ["Created", formatTime(run.createdAt)],
    ["Start Time", run.startedAt === undefined ? "" : formatTime(run.startedAt)],
    ["End Time", run.endedAt === undefined ? "" : formatTime(run.endedAt)],
    ["Duration", duration(run)],
    ["Labels", run.labels.join(", ")],
    ["Mounts", mounts.join(", ")],
    ["Environment Vars", environment.join(", ")],
  ];
  return rows.filter(([, value]) => value !== "");
}

function duration({ startedAt, endedAt }: Run): string {
  if (startedAt === undefined || endedAt === undefined) return "";
  return formatDuration(endedAt.getTime() - startedAt.getTime());
}
