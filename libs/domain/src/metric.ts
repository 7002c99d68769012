/** What a metric may be, on every side that takes one. Pure. */

const MAX_NAME_CHARACTERS = 200;
const MAX_TEXT_CHARACTERS = 8_192;

/** How a value can be compared with another; the words are those of the API. */
export const METRIC_CONDITIONS = ["eq", "gt", "gte", "lt", "lte"] as const;
export type MetricCondition = (typeof METRIC_CONDITIONS)[number];

/** Why this is no point of a metric, as a sentence; undefined when it is one. */
export function metricProblem({
  name,
  index,
  value,
}: {
  name: string;
  index: number;
  value: number | string;
}): string | undefined {
  if (name === "" || name.length > MAX_NAME_CHARACTERS) {
    return `The name of a metric has 1 to ${MAX_NAME_CHARACTERS} characters; this one has ${name.length}.`;
  }
  if (/\p{Cc}/u.test(name)) return `The name ${JSON.stringify(name)} holds a control character: leave it out.`;
  const metric = `metric ${JSON.stringify(name)}`;
  if (!Number.isSafeInteger(index)) return `The index of ${metric} must be a whole number below 2^53.`;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : `The value of ${metric} must be a finite number or a text.`;
  }
  if (value.length <= MAX_TEXT_CHARACTERS) return undefined;
  return `The text of ${metric} has ${value.length} characters; at most ${MAX_TEXT_CHARACTERS} are kept.`;
}

/** Whether a value of a metric is as asked. A text and a number are never equal, and texts have no order. */
export function meets(value: number | string, condition: MetricCondition, asked: number | string): boolean {
  if (condition === "eq") return value === asked;
  if (typeof value !== "number" || typeof asked !== "number") return false;
  switch (condition) {
    case "gt":
      return value > asked;
    case "gte":
      return value >= asked;
    case "lt":
      return value < asked;
    case "lte":
      return value <= asked;
  }
}
