/** `spell info`: all about one run. */
import { formatDuration } from "@spell/domain";
import type { Attempt, RetryPolicy, Run, StopCondition } from "@spell/sdk";
import type { Command } from "commander";
import { formatDescription } from "../output/description.ts";
import type { Description } from "../output/description.ts";
import { count, formatTime } from "../output/format.ts";
import { paramsOf, runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { backoffText } from "../retry-option.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerInfo(program: Command): void {
  program
    .command("info")
    .description("Describe a run.")
    .argument("<run-id>", "number of the run")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell info 12\n")
    .action(info);
}

async function info(word: string, options: { json?: boolean }): Promise<void> {
  const id = parseId(word);
  using client = openClient();
  const run = await client.runs.get(id);
  if (options.json) {
    terminal.json(runToJson(run));
    return;
  }
  const { projectId } = run.record;
  const project = projectId === 0 ? undefined : await client.projects.get(projectId);
  terminal.write(formatDescription([["Project", project?.name], ...describe(run)]));
}

/** Names and values; what a run does not have is left out. */
function describe(run: Run): Description {
  const { spec, reason, agent } = run.record;
  const exit = run.userExitCode === undefined ? "" : ` (${run.userExitCode})`;
  const mounts = (spec?.mounts ?? []).map(
    ({ resource, mountPoint }) => `${resource}${mountPoint && ` at ${mountPoint}`}`,
  );
  const environment = Object.entries(spec?.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  return [
    ["Repository", spec?.codeRoot],
    ["Git Commit", spec?.gitCommit],
    ["Status", run.status + exit],
    ["Reason", reason],
    ["Command", run.command],
    ["Directory", spec?.cwd],
    ["Creator", run.owner],
    ["Description", spec?.description],
    ["Workflow", spec?.workflowId ? String(spec.workflowId) : ""],
    ["Machine Type", run.machineType],
    ["Machine", agent],
    ["GitHub URL", spec?.githubUrl],
    ["GitHub Ref", spec?.githubRef],
    ["Created", formatTime(run.createdAt)],
    ["Start Time", run.startedAt && formatTime(run.startedAt)],
    ["End Time", run.endedAt && formatTime(run.endedAt)],
    ["Duration", duration(run)],
    ["Outputs", dropped(run.record.outputsDroppedAtMs)],
    ["Labels", run.labels],
    ["Mounts", mounts],
    ["Environment Vars", environment],
    ["Timeout", spec?.timeoutMinutes ? count(spec.timeoutMinutes, "minute") : ""],
    ["Retries", retryText(spec?.retry)],
    ["Attempts", run.record.attempts.length > 1 ? run.record.attempts.map(attemptText) : []],
    ["Auto Resume", spec?.autoResume ? "yes" : ""],
    ["Resumed As Run", runNumber(run.record.resumedAsRun)],
    ["Resumed From Run", runNumber(run.record.resumedFromRun)],
    ["Stop Conditions", (spec?.stopConditions ?? []).map(({ all }) => all.map(conditionText).join(" && "))],
    ["Hyperparameters", Object.entries(paramsOf(run)).map(([name, value]) => `${name}=${value}`)],
    ["Hyper Search", run.record.hyperSearchId === 0 ? "" : String(run.record.hyperSearchId)],
  ];
}

/** `up to 3, on exit codes 1 and 137 too, backoff 10s,2,10m`: the last as `--retry-backoff` takes it. */
function retryText(retry: RetryPolicy | undefined): string {
  if (retry === undefined) return "";
  const { limit, exitCodes, firstPauseMs = 0, factor = 1, maxPauseMs = 0 } = retry;
  const codes = exitCodes.map(String);
  const listed = `on exit ${codes.length === 1 ? "code" : "codes"} ${new Intl.ListFormat("en").format(codes)} too`;
  const backoff = `backoff ${backoffText({ firstPauseMs, factor, maxPauseMs })}`;
  return [`up to ${limit}`, ...(codes.length === 0 ? [] : [listed]), backoff].join(", ");
}

function attemptText({ number, agent, status, reason, startedAtMs, endedAtMs }: Attempt): string {
  if (endedAtMs === 0) return `${number} on ${agent}: in force`;
  const ran = startedAtMs === 0 ? "" : ` after ${formatDuration(endedAtMs - startedAtMs)}`;
  return `${number} on ${agent}: ${status}${ran}. ${reason}`;
}

function runNumber(id: number): string {
  return id === 0 ? "" : String(id);
}

function dropped(atMs: number): string {
  return atMs === 0 ? "" : `dropped on ${formatTime(new Date(atMs))}, by the farm's rule for archived runs`;
}

function duration({ startedAt, endedAt }: Run): string {
  if (startedAt === undefined || endedAt === undefined) return "";
  return formatDuration(endedAt.getTime() - startedAt.getTime());
}

/** As it is given to `--stop-condition`. */
function conditionText({ metric, operator, value, minIndex = 0 }: ConditionText): string {
  return `${metric} ${operator} ${value}${minIndex === 0 ? "" : `:${minIndex}`}`;
}

type ConditionText = Pick<StopCondition, "metric" | "value" | "minIndex"> & { operator: string };
