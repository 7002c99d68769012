/** Chance that can be repeated: everything a trial chooses comes from its seed. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** One sequence of choices. Parts of a trial have one each, so that what one chooses does not move the others. */
export interface Random {
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** One of them. */
  pick<T>(from: readonly T[]): T;
}

/** The sequence of a seed and a part's name. */
export function seeded(seed: number, part: string): Random {
  let mixed = seed | 0;
  for (const letter of part) mixed = (Math.imul(mixed, 31) + letter.charCodeAt(0)) | 0;
  const generator = xoroshiro128plus(mixed);
  const between = (least: number, most: number): number => uniformInt(generator, least, most);
  return {
    between,
    pick: (from) => {
      const chosen = from[between(0, from.length - 1)];
      if (chosen === undefined) throw new RangeError("there is nothing to pick from");
      return chosen;
    },
  };
}
