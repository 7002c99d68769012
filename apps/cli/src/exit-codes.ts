/** Exit codes of the command line, as scripts have known them, and the errors that carry one. */
import { SpellError } from "@spell/domain";

export const EXIT_OK = 0;
export const EXIT_ERROR = 1;
export const EXIT_USAGE = 2;
export const EXIT_ARGUMENTS = 3;
export const EXIT_WORKSPACE = 4;
export const EXIT_COMMIT = 5;
export const EXIT_REPOSITORY = 6;
/** With `--wait`: the run did not come to an end of its own. */
export const EXIT_NOT_CARRIED_OUT = 125;
export const EXIT_INTERRUPTED = 130;

export const EXIT_CODES_HELP = `Exit codes: 0 done (whatever became of the run), 1 refused or not reachable, 2 wrong usage,
3 unusable arguments or configuration, 4 unknown workspace, 5 bad commit, 6 unusable repository.`;

/** An error that the user can fix, with the exit code of its kind. */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = "UsageError";
    this.exitCode = exitCode;
  }
}

let chosen = EXIT_OK;

/** The exit code of a command that succeeds and still has something to say by it, as `run --wait` has. */
export function exitWith(exitCode: number): void {
  chosen = exitCode;
}

/** What `exitWith` was told, else 0. */
export function chosenExitCode(): number {
  return chosen;
}

/** The words do not make a command: exit code 2. */
export function usageError(message: string): UsageError {
  return new UsageError(EXIT_USAGE, message);
}

/** An argument has a form or a value that cannot be used: exit code 3. */
export function argumentError(message: string): UsageError {
  return new UsageError(EXIT_ARGUMENTS, message);
}

/** There is no such commit: exit code 5. */
export function commitError(message: string): UsageError {
  return new UsageError(EXIT_COMMIT, message);
}

/** A directory given as code cannot be used: exit code 6. */
export function repositoryError(message: string): UsageError {
  return new UsageError(EXIT_REPOSITORY, message);
}

const ARGUMENT_REASONS = new Set(["empty-command", "bad-config", "bad-address", "bad-alias"]);

/** The exit code for anything that was thrown. Pure. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return error.exitCode;
  if (error instanceof SpellError) {
    if (error.reason === "unknown-machine-type") return EXIT_USAGE;
    if (error.reason === "no-such-workspace") return EXIT_WORKSPACE;
    if (ARGUMENT_REASONS.has(error.reason)) return EXIT_ARGUMENTS;
  }
  return EXIT_ERROR;
}
