/** Whether the metrics of a run are as its stop conditions want them. Pure. */
import type { StopCondition } from "@spell/run-store";

/** The latest number of a metric. */
export interface LatestNumber {
  index: number;
  value: number;
}

/** The first list of which all conditions hold at once, as a sentence about the run; undefined when none does. */
export function metStopCondition(
  conditions: readonly (readonly StopCondition[])[],
  latest: ReadonlyMap<string, LatestNumber>,
): string | undefined {
  const met = conditions.find((all) => all.every((condition) => holds(condition, latest.get(condition.metric))));
  if (met === undefined) return undefined;
  const rule = met.map(words).join(" && ");
  const numbers = met.map(({ metric }) => {
    const { value, index } = latest.get(metric) ?? { value: Number.NaN, index: 0 };
    return `${metric} was ${value} at index ${index}`;
  });
  return `Stopped by its stop condition ${rule}: ${numbers.join(", ")}.`;
}

function words({ metric, operator, value, minIndex }: StopCondition): string {
  return `${metric} ${operator} ${value}${minIndex > 0 ? ` from index ${minIndex} on` : ""}`;
}

function holds(condition: StopCondition, latest: LatestNumber | undefined): boolean {
  if (latest === undefined || latest.index < condition.minIndex) return false;
  switch (condition.operator) {
    case "<":
      return latest.value < condition.value;
    case ">":
      return latest.value > condition.value;
    case "<=":
      return latest.value <= condition.value;
    case ">=":
      return latest.value >= condition.value;
  }
}
