/** The lines in which two transcripts of the same scenario differ. */

/** What a client printed in one step, normalised. */
export interface Step {
  step: string;
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** One line against the other; `NOTHING` where a client printed none. */
export interface Deviation {
  step: string;
  historical: string;
  ours: string;
}

export const NOTHING = "—";

/** Step by step; each pair of lines once. Steps that only one client took are not compared. */
export function deviationsBetween(historical: readonly Step[], ours: readonly Step[]): Deviation[] {
  const found = new Map<string, Deviation>();
  for (const step of historical) {
    const twin = ours.find((each) => each.step === step.step);
    if (twin === undefined) continue;
    const twins = linesOf(twin);
    for (const [left, right] of linesOf(step).flatMap((lines, i) => differingLines(lines, twins[i] ?? []))) {
      const deviation = { step: step.step, historical: left, ours: right };
      found.set(JSON.stringify(deviation), deviation);
    }
  }
  return [...found.values()];
}

/** Of stdout, of stderr, and the exit code: a line is compared with those of its own kind. */
function linesOf({ exitCode, stdout, stderr }: Step): string[][] {
  const lines = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
  return [lines(stdout), lines(stderr).map((line) => `stderr: ${line}`), [`exit ${exitCode}`]];
}

type Matches = (left: string, right: string) => boolean;

/** Between the lines that both have, in their order. */
function differingLines(left: readonly string[], right: readonly string[]): [string, string][] {
  const isSame: Matches = (a, b) => a === b;
  return between(left, right, isSame).gaps.flatMap(([theirs, ours]) => {
    // A sentence faces the one that says the same and more; the others face each other one by one.
    const { gaps, pairs } = between(theirs, ours, saysTheSame);
    return [...gaps.flatMap(([some, others]) => oneByOne(some, others)), ...pairs];
  });
}

/** `ERROR: No such run` and `No such run. "spell ps" lists them.` */
function saysTheSame(left: string, right: string): boolean {
  const [a, b] = [left, right].map((line) => line.replace(/^(stderr: )?(ERROR: )?/, "").replace(/\.$/, ""));
  if (a === undefined || b === undefined || a.length < 4 || b.length < 4) return false;
  return a.includes(b) || b.includes(a);
}

function oneByOne(left: readonly string[], right: readonly string[]): [string, string][] {
  const count = Math.max(left.length, right.length);
  return Array.from({ length: count }, (_, i) => [left[i] ?? NOTHING, right[i] ?? NOTHING]);
}

/** Along a longest common subsequence: its pairs, and what lies between them. */
function between(
  left: readonly string[],
  right: readonly string[],
  matches: Matches,
): { pairs: [string, string][]; gaps: [readonly string[], readonly string[]][] } {
  const places = commonPlaces(left, right, matches);
  const ends = [...places, [left.length, right.length] as const];
  return {
    pairs: places.map(([i, j]) => [left[i] ?? NOTHING, right[j] ?? NOTHING]),
    gaps: ends.map(([i, j], at) => {
      const [fromI, fromJ] = places[at - 1] ?? [-1, -1];
      return [left.slice(fromI + 1, i), right.slice(fromJ + 1, j)];
    }),
  };
}

function commonPlaces(
  left: readonly string[],
  right: readonly string[],
  matches: Matches,
): (readonly [number, number])[] {
  const length: number[][] = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  const at = (i: number, j: number): number => length[i]?.[j] ?? 0;
  const isPair = (i: number, j: number): boolean => matches(left[i] ?? "", right[j] ?? "");
  for (let i = left.length - 1; i >= 0; i -= 1) {
    const row = length[i] ?? [];
    for (let j = right.length - 1; j >= 0; j -= 1) {
      row[j] = Math.max(at(i + 1, j), at(i, j + 1), isPair(i, j) ? at(i + 1, j + 1) + 1 : 0);
    }
  }
  const places: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (isPair(i, j) && at(i, j) === at(i + 1, j + 1) + 1) {
      places.push([i, j]);
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return places;
}
