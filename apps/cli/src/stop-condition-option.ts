/** `--stop-condition "METRIC OPERATOR VALUE[:MIN_INDEX]"`, several joined by `&&`. Pure. */
import type { StopCondition } from "@spell/sdk";
import { argumentError } from "./exit-codes.ts";

const CONDITION =
  /^\s*(\S(?:.*?\S)?)\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(?::\s*(\d{1,15}))?\s*$/i;

/** The conditions of one option, which must all hold. Throws exit code 3. */
export function parseStopConditions(text: string): StopCondition[] {
  return text.split("&&").map((part) => {
    const [, metric, operator, value, minIndex] = CONDITION.exec(part) ?? [];
    if (metric === undefined || !isOperator(operator)) {
      throw argumentError(
        `--stop-condition "${text}" cannot be understood: write it as "METRIC < VALUE" or "METRIC < VALUE:MIN_INDEX", with <, >, <= or >=.`,
      );
    }
    return { metric, operator, value: Number(value), minIndex: Number(minIndex ?? 0) };
  });
}

function isOperator(text: string | undefined): text is StopCondition["operator"] {
  return text === "<" || text === ">" || text === "<=" || text === ">=";
}
