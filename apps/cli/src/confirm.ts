/** A question that is answered with yes or no, or with a line. */
import { createInterface } from "node:readline/promises";
import { EXIT_ERROR, UsageError } from "./exit-codes.ts";

/** The line that answers; what stands in brackets when it is empty, or when nobody answers. */
export async function askLine(question: string, otherwise: string): Promise<string> {
  return (await answerTo(question, otherwise)) || otherwise;
}

/** No, unless it is said. Throws exit code 1 when nobody answers: a script is not to go on as if it were done. */
export async function confirm(question: string): Promise<boolean> {
  const answer = await answerTo(question, "y/N");
  if (answer === undefined) throw new UsageError(EXIT_ERROR, "Nobody answered: nothing was changed.");
  return /^y(es)?$/i.test(answer);
}

/** Undefined at the end of the input. */
async function answerTo(question: string, hint: string): Promise<string | undefined> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<undefined>((resolve) => reader.once("close", () => resolve(undefined)));
    return (await Promise.race([reader.question(`${question} [${hint}]: `), ended]))?.trim();
  } finally {
    reader.close();
  }
}
