/** What a run posts to the metrics service: one point of one metric. Pure; throws invalid-input with a sentence for its author. */
import { invalidInput, metricProblem } from "@spell/domain";

export interface SentPoint {
  name: string;
  /** Undefined: the one after the metric's last. */
  index: number | undefined;
  /** Finite, if it is a number. */
  value: number | string;
}

/** Parses `{name, type: "number"|"text", number|text, index?}`. */
export function parsePoint(body: string): SentPoint {
  const { name, type, index, number, text } = parseObject(body);
  if (typeof name !== "string") throw refused('A metric needs a "name", which is a text.');
  const point = { name, index: toIndex(name, index), value: toValue(name, { type, number, text }) };
  const problem = metricProblem({ ...point, index: point.index ?? 0 });
  if (problem !== undefined) throw refused(problem);
  return point;
}

function parseObject(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw refused("The body is no JSON; NaN and Infinity are none either.");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refused('Send one metric as a JSON object: {"name": …, "type": "number", "number": …}.');
}

function toIndex(name: string, index: unknown): number | undefined {
  if (index === undefined || index === null) return undefined;
  if (typeof index === "number") return index;
  throw refused(`The index of metric ${JSON.stringify(name)} must be a whole number.`);
}

function toValue(name: string, sent: { type: unknown; number: unknown; text: unknown }): number | string {
  const { type, number, text } = sent;
  const metric = `metric ${JSON.stringify(name)}`;
  if (type !== "number" && type !== "text") throw refused(`The type of ${metric} must be "number" or "text".`);
  if (type === "number" && typeof number === "number") return number;
  if (type === "text" && typeof text === "string") return text;
  throw refused(`The value of ${metric} must be a ${type} and stand under "${type}".`);
}

function refused(sentence: string): Error {
  return invalidInput(sentence, "bad-metric");
}
