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
    for (const [left, right] of differingLines(linesOf(step), linesOf(twin))) {
      const deviation = { step: step.step, historical: left, ours: right };
      found.set(JSON.stringify(deviation), deviation);
    }
  }
  return [...found.values()];
}

function linesOf({ exitCode, stdout, stderr }: Step): string[] {
  const lines = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
  return [...lines(stdout), ...lines(stderr).map((line) => `stderr: ${line}`), `exit ${exitCode}`];
}

/** Between the lines that both have, in their order, the others face each other one by one. */
function differingLines(left: readonly string[], right: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  const face = (ours: readonly string[], theirs: readonly string[]): void => {
    for (let i = 0; i < Math.max(ours.length, theirs.length); i += 1) {
      pairs.push([ours[i] ?? NOTHING, theirs[i] ?? NOTHING]);
    }
  };
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...commonLines(left, right), [left.length, right.length] as const]) {
    face(left.slice(i, nextI), right.slice(j, nextJ));
    [i, j] = [nextI + 1, nextJ + 1];
  }
  return pairs;
}

/** Places of a longest common subsequence. */
function commonLines(left: readonly string[], right: readonly string[]): (readonly [number, number])[] {
  const length: number[][] = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  const at = (i: number, j: number): number => length[i]?.[j] ?? 0;
  for (let i = left.length - 1; i >= 0; i -= 1) {
    const row = length[i] ?? [];
    for (let j = right.length - 1; j >= 0; j -= 1) {
      row[j] = left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const places: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (left[i] === right[j]) {
      places.push([i, j]);
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return places;
}
