/** A question that is answered with yes or no, or with a line. */
import { createInterface } from "node:readline/promises";

/** The line that answers; what stands in brackets when it is empty, or when nobody answers. */
export async function askLine(question: string, otherwise: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((resolve) => reader.once("close", () => resolve("")));
    const answer = await Promise.race([reader.question(`${question} [${otherwise}]: `), ended]);
    return answer.trim() || otherwise;
  } finally {
    reader.close();
  }
}

/** No, unless it is said. */
export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await askLine(question, "y/N"));
}
