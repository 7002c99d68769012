/** Ranges as the unit interval and back: the scaling is the map between the two. Pure. */
import type { ParameterRange } from "@spell/run-store";

/** The value at a place of the unit interval. Whole numbers are equally wide, those at the ends too. */
export function fromUnit(range: ParameterRange, unit: number): number {
  const { low, high } = ends(range);
  // The ends exactly: rounding would miss them by a hair.
  const value = unit <= 0 ? low : unit >= 1 ? high : at(range.scaling, low, high, unit);
  return Math.min(Math.max(range.type === "int" ? Math.round(value) : value, range.min), range.max);
}

/** Where in the unit interval a value lies. */
export function toUnit(range: ParameterRange, value: number): number {
  const { low, high } = ends(range);
  if (range.scaling === "linear") return (value - low) / (high - low);
  const [from, to] = [Math.log(low), Math.log(high)];
  const logPlace = (number: number): number => (Math.log(number) - from) / (to - from);
  return range.scaling === "log" ? logPlace(value) : 1 - logPlace(low + high - value);
}

function at(scaling: ParameterRange["scaling"], low: number, high: number, place: number): number {
  if (scaling === "linear") return low + place * (high - low);
  const [from, to] = [Math.log(low), Math.log(high)];
  const logValue = (logPlace: number): number => Math.exp(from + logPlace * (to - from));
  // The mirror image: as dense at the upper end as `log` is at the lower one.
  return scaling === "log" ? logValue(place) : low + high - logValue(1 - place);
}

/** Where the interval begins and ends: whole numbers own the half on either side of them. */
function ends({ min, max, type }: ParameterRange): { low: number; high: number } {
  return type === "int" ? { low: min - 0.5, high: max + 0.5 } : { low: min, high: max };
}
