/** Random numbers that follow from a seed: the same search gives the same runs, whenever and wherever it is resumed. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** The next number, from 0 up to 1 exclusive. */
export type Random = () => number;

/** A stream of its own for each seed and number. */
export function seededRandom(seed: number, number = 0): Random {
  // Neighbouring numbers must not give neighbouring streams: multiplied by the golden ratio of 32 bits.
  const generator = xoroshiro128plus((seed ^ Math.imul(number + 1, 0x9e3779b9)) | 0);
  return () => uniformFloat64(generator);
}

/** A number of the normal distribution (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
