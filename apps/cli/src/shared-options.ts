/** Options that `run` and `workflow` share. */
import type { Command } from "commander";
import { argumentError } from "./exit-codes.ts";
import type { HintOptions } from "./old-options.ts";

/** Gathers a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** Options as commander gives them. */
export interface CommandOptions extends HintOptions {
  env?: string[];
  description?: string;
  commitRef?: string;
  githubUrl?: string;
  githubRef?: string;
  background?: boolean;
  force?: boolean;
  verbose?: boolean;
  json?: boolean;
}

export function addSharedOptions(command: Command): Command {
  return command
    .option("-e, --env <NAME=VALUE>", "environment variable in the run; may be repeated", collect)
    .option("-d, --description <TEXT>", "for people to read (default: first line of the commit's message)")
    .option("-c, --commit-ref <REF>", "the code as it is in a commit (default: as it is now, uncommitted changes too)")
    .option("--github-url <URL>", "code from a git URL, fetched by the coordinator, instead of what lies here")
    .option("--github-ref <REF>", "its commit, branch or tag (default: its default branch)")
    .option("-b, --background", "do not follow the logs")
    .option("-f, --force", "ask and refuse less: also send a whole home directory")
    .option("-v, --verbose", "show every message of the log as a line")
    .option("--json", "print JSON: one line for what was created, then one per log entry");
}

/** `NAME=VALUE` pairs; the value may contain `=`; without `=` it is empty. Throws exit code 3. Pure. */
export function parseEnvironment(pairs: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const pair of pairs) {
    const end = pair.indexOf("=");
    const name = end === -1 ? pair : pair.slice(0, end);
    if (name === "") throw argumentError(`--env "${pair}": an environment variable needs a name: write NAME=VALUE.`);
    environment[name] = end === -1 ? "" : pair.slice(end + 1);
  }
  return environment;
}

/** Words joined by single spaces, as typed. Throws exit code 3 when nothing is left to run. Pure. */
export function joinCommand(words: readonly string[]): string {
  const command = words.join(" ");
  if (command.trim() !== "") return command;
  throw argumentError('The command is empty: say what to run, for example spell run "python train.py".');
}

/** Where the code comes from: from here, or from a git URL. Throws exit code 3 for what contradicts itself. Pure. */
export function checkCodeOptions({ commitRef, githubUrl, githubRef }: CommandOptions): void {
  if (githubRef !== undefined && githubUrl === undefined) {
    throw argumentError("--github-ref needs --github-url. A commit of the code here is chosen with --commit-ref.");
  }
  if (githubUrl !== undefined && commitRef !== undefined) {
    throw argumentError("--commit-ref is for the code here. With --github-url, choose a commit with --github-ref.");
  }
}
