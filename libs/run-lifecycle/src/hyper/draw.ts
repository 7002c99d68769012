/** The parameters of each run of a grid or random search. Pure. */
import type { ListedParameter, ParameterValue, RangedParameter } from "@spell/run-store";
import type { Random } from "./random.ts";
import { fromUnit } from "./scaling.ts";

/** The values of one run by name. */
export type Parameters = Record<string, ParameterValue>;

/** How many runs a grid has. */
export function gridSize(parameters: readonly ListedParameter[]): number {
  return parameters.reduce((product, { values }) => product * values.length, 1);
}

/** Every combination, the first parameter changing slowest. */
export function gridParameters(parameters: readonly ListedParameter[]): Parameters[] {
  let combinations: (readonly [string, ParameterValue])[][] = [[]];
  for (const { name, values } of parameters) {
    combinations = combinations.flatMap((before) => values.map((value) => [...before, [name, value] as const]));
  }
  return combinations.map((entries) => Object.fromEntries(entries));
}

/** One draw: any value of a list, any number of a range by its scaling. */
export function drawParameters(parameters: readonly (ListedParameter | RangedParameter)[], random: Random): Parameters {
  return Object.fromEntries(parameters.map((parameter) => [parameter.name, drawOne(parameter, random)]));
}

function drawOne(parameter: ListedParameter | RangedParameter, random: Random): ParameterValue {
  if ("range" in parameter) return fromUnit(parameter.range, random());
  const value = parameter.values[Math.floor(random() * parameter.values.length)];
  if (value === undefined) throw new Error(`the parameter ${parameter.name} has no values`);
  return value;
}
