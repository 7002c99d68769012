/** What a run request may look like, before anything is looked up. Pure; throws invalid-input. */
import { invalidInput, isCleanRelativePath } from "@spell/domain";
import type { StopCondition } from "@spell/run-store";

/** The kernel's limit for one argument or environment string, bytes (MAX_ARG_STRLEN). */
const MAX_STRING_BYTES = 128 * 1024 - 1;
/** What is shown to people stays readable. */
const MAX_TEXT = 10_000;

/** A year: longer is a mistake in the unit. */
const MAX_TIMEOUT_MINUTES = 366 * 24 * 60;
/** As the command line has always said. */
const MAX_STOP_CONDITIONS = 5;

export interface RequestTexts {
  command: string;
  cwd: string;
  environment: Readonly<Record<string, string>>;
  description: string;
  timeoutMinutes?: number;
  stopConditions: readonly (readonly StopCondition[])[];
}

/** Checks the texts of a request; gives back the normalised working directory. */
export function checkRequest(request: RequestTexts): { cwd: string } {
  checkString("The command", request.command);
  if (request.command.trim() === "") {
    throw invalidInput(
      'The command is empty: say what to run, for example spell run "python train.py".',
      "empty-command",
    );
  }
  for (const [name, value] of Object.entries(request.environment)) {
    if (name === "" || name.includes("=") || name.includes("\0")) {
      throw invalidInput(`"${name}" cannot be the name of an environment variable.`, "bad-environment");
    }
    checkString(`Environment variable ${name}`, `${name}=${value}`);
  }
  if (request.description.length > MAX_TEXT) {
    throw invalidInput(`The description is longer than ${MAX_TEXT} characters.`, "too-long");
  }
  checkLimits(request);
  const cwd = request.cwd
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
  if (request.cwd.startsWith("/") || !isCleanRelativePath(cwd, { allowEmpty: true })) {
    throw invalidInput(
      `"${request.cwd}" is not a working directory inside the code: write a relative path without '..'.`,
      "bad-cwd",
    );
  }
  return { cwd };
}

function checkLimits({ timeoutMinutes, stopConditions }: RequestTexts): void {
  const isWhole = timeoutMinutes === undefined || Number.isSafeInteger(timeoutMinutes);
  if (!isWhole || (timeoutMinutes ?? 1) < 1 || (timeoutMinutes ?? 1) > MAX_TIMEOUT_MINUTES) {
    throw invalidInput(
      `A timeout is a whole number of minutes from 1 to ${MAX_TIMEOUT_MINUTES}, not ${timeoutMinutes}.`,
      "bad-timeout",
    );
  }
  if (stopConditions.length > MAX_STOP_CONDITIONS) {
    throw invalidInput(`A run can have at most ${MAX_STOP_CONDITIONS} stop conditions.`, "bad-stop-condition");
  }
  for (const conditions of stopConditions) {
    const isFine = conditions.every(
      ({ metric, value, minIndex }) =>
        metric !== "" && Number.isFinite(value) && Number.isSafeInteger(minIndex) && minIndex >= 0,
    );
    if (conditions.length === 0 || !isFine) {
      throw invalidInput(
        "A stop condition names a metric, one of < > <= >=, a number, and an index from 0 on.",
        "bad-stop-condition",
      );
    }
  }
}

function checkString(what: string, text: string): void {
  if (text.includes("\0"))
    throw invalidInput(`${what} contains a NUL byte, which no program can be given.`, "nul-byte");
  if (Buffer.byteLength(text) > MAX_STRING_BYTES) {
    throw invalidInput(`${what} is longer than ${MAX_STRING_BYTES} bytes: put it into a file.`, "too-long");
  }
}
