import { describe, expect, test } from "vitest";
import { LEADERSHIP_RULES as rules, mayLead, watchLeader } from "./leadership.ts";
import type { Leadership, Watch } from "./leadership.ts";

const led = (beat: number, epoch = 1, holder = "a"): Leadership => ({ epoch, beat, holder });

/** A standby that looks at these moments and sees these; the moments at which it would take over. */
function standby(looks: [atMs: number, read: Leadership][], formerSelf?: string): number[] {
  let watch: Watch | undefined;
  const moments: number[] = [];
  for (const [atMs, read] of looks) {
    const outcome = watchLeader(watch, { read, askedMs: atMs, knownMs: atMs }, { rules, formerSelf });
    watch = outcome.watch;
    if (outcome.takeOver) moments.push(atMs);
  }
  return moments;
}

describe("a standby", () => {
  test("takes over when it has seen the same beat for long enough by its own clock, wherever that stands", () => {
    const start = 9e9;
    const looks = Array.from({ length: 20 }, (_, index): [number, Leadership] => [start + index * 250, led(7)]);
    expect(standby(looks)[0]).toBe(start + rules.takeOverAfterMs);
  });

  test("waits anew after each beat, and after another one has taken over", () => {
    expect(
      standby([
        [0, led(1)],
        [2_900, led(2)],
        [5_800, led(3)],
        [8_700, led(0, 2, "b")],
        [11_600, led(0, 2, "b")],
      ]),
    ).toEqual([]);
  });

  test("does not wait where nobody leads, nor for whom it was before it was started again", () => {
    expect(standby([[0, led(7, 3, "")]])).toEqual([0]);
    expect(standby([[0, led(7, 3, "me")]], "me")).toEqual([0]);
    expect(standby([[0, led(7, 3, "you")]], "me")).toEqual([]);
  });

  test("does not take an answer that was long under way for a look at its arrival", () => {
    const { watch } = watchLeader(undefined, { read: led(1), askedMs: 0, knownMs: 100 }, { rules });
    const late = watchLeader(watch, { read: led(1), askedMs: 200, knownMs: 10_000 }, { rules });
    expect(late.takeOver).toBe(false);
    const after = watchLeader(late.watch, { read: led(1), askedMs: 10_000, knownMs: 10_001 }, { rules });
    expect(after.takeOver).toBe(true);
  });
});

test("a leader stops before anybody takes over, whenever its last beat was seen", () => {
  for (let beatMs = 0; beatMs < 1_000; beatMs += 50) {
    // Asked for at 0, raised and seen at beatMs at the earliest.
    const stopped = [...Array(10_000).keys()].find((nowMs) => !mayLead(0, nowMs, rules)) ?? Number.NaN;
    expect(stopped).toBeLessThan(beatMs + rules.takeOverAfterMs);
  }
  expect([mayLead(5, 5, rules), mayLead(5, 5 + rules.leadForMs, rules)]).toEqual([true, false]);
});
