/** `--param` and `--json-param` of `spell hyper`. Pure; what cannot be understood throws exit code 3. */
import type { ParameterRange, ParameterValues } from "@spell/sdk";
import { EXIT_ERROR, UsageError, argumentError } from "./exit-codes.ts";

/** What each kind of search takes. */
export const PARAM_FORMS = {
  grid: "NAME=VALUE[,VALUE...]",
  random: "NAME=VALUE[,VALUE...] or NAME=MIN:MAX[:linear|log|reverse_log[:int|float]]",
  bayesian: "NAME=MIN:MAX[:linear|log|reverse_log][:int|float]",
} as const;

interface Options {
  param?: readonly string[];
  jsonParam?: readonly string[];
}

/** Lists of values by name. */
export function parseLists({ param = [], jsonParam = [] }: Options): Record<string, ParameterValues> {
  return byName([
    ...param.map((pair) => split(pair, "grid")).map(([name, text]) => [name, text.split(",").map(toValue)] as const),
    ...jsonParam.map(parseJson),
  ]);
}

/** Lists of values, and ranges where there is a colon and no comma. */
export function parseListsAndRanges({
  param = [],
  jsonParam = [],
}: Options): Record<string, ParameterValues | ParameterRange> {
  const parse = (pair: string): readonly [string, ParameterValues | ParameterRange] => {
    const [name, text] = split(pair, "random");
    const isRange = text.includes(":") && !text.includes(",");
    return [name, isRange ? toRange(pair, text, "random") : text.split(",").map(toValue)];
  };
  return byName([...param.map(parse), ...jsonParam.map(parseJson)]);
}

export function parseRanges({ param = [] }: Options): Record<string, ParameterRange> {
  return byName(
    param.map((pair) => {
      const [name, text] = split(pair, "bayesian");
      return [name, toRange(pair, text, "bayesian")] as const;
    }),
  );
}

function split(pair: string, kind: keyof typeof PARAM_FORMS): [string, string] {
  const end = pair.indexOf("=");
  if (end < 1) throw misunderstood(pair, kind);
  return [pair.slice(0, end), pair.slice(end + 1)];
}

function toRange(pair: string, text: string, kind: "random" | "bayesian"): ParameterRange {
  const [min = "", max = "", ...words] = text.split(":");
  const range: ParameterRange = { min: toNumber(min), max: toNumber(max) };
  for (const word of words) {
    if (range.scaling === undefined && range.type === undefined && isScaling(word)) range.scaling = word;
    else if (range.type === undefined && (word === "int" || word === "float")) range.type = word;
    else throw misunderstood(pair, kind);
  }
  if (Number.isNaN(range.min) || Number.isNaN(range.max)) throw misunderstood(pair, kind);
  return range;
}

function isScaling(word: string): word is "linear" | "log" | "reverse_log" {
  return word === "linear" || word === "log" || word === "reverse_log";
}

/** A list in JSON: for values with commas. */
function parseJson(pair: string): readonly [string, ParameterValues] {
  const end = pair.indexOf("=");
  const wrong = argumentError(`--json-param "${pair}" cannot be understood: write --json-param NAME='["a,b", 2]'.`);
  if (end < 1) throw wrong;
  let list: unknown;
  try {
    list = JSON.parse(pair.slice(end + 1));
  } catch {
    throw wrong;
  }
  if (!Array.isArray(list)) throw wrong;
  const values = list.map((value: unknown) => {
    if (typeof value === "string" || typeof value === "number") return value;
    throw wrong;
  });
  return [pair.slice(0, end), values];
}

/** Whole numbers and others are numbers, everything else is text. */
function toValue(text: string): string | number {
  const number = toNumber(text);
  // Digits that a number would lose stay as they are.
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number)) ? number : text;
}

function toNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

function byName<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  const known = new Map<string, T>();
  for (const [name, value] of entries) {
    if (known.has(name))
      throw argumentError(`The parameter ${name} is given twice. Write all its values in one --param.`);
    known.set(name, value);
  }
  if (known.size === 0)
    throw new UsageError(EXIT_ERROR, "A search needs at least one parameter: give it with --param.");
  return Object.fromEntries(known);
}

function misunderstood(pair: string, kind: keyof typeof PARAM_FORMS): Error {
  return argumentError(`--param "${pair}" cannot be understood: write --param ${PARAM_FORMS[kind]}.`);
}
