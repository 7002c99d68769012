/** The machine's wall clock in fractions of a millisecond, to be held against what another process printed. */

const CALIBRATIONS = 3;

/**
 * Gives a clock: Unix time in milliseconds, with microseconds. Node tells the wall clock in whole milliseconds only and the
 * monotonic one exactly, so their distance is taken where the former ticks: busy for up to three milliseconds. To be made
 * anew before each measurement, because the wall clock is adjusted and the monotonic one is not.
 */
export function wallClock(): () => number {
  // Being interrupted in the middle only makes the distance smaller.
  const distanceMs = Math.max(...Array.from({ length: CALIBRATIONS }, distanceAtTick));
  return () => performance.now() + distanceMs;
}

/** What bash prints for `$EPOCHREALTIME`, with the locale's decimal mark, as Unix time in milliseconds. Throws otherwise. */
export function parseEpochTime(text: string): number {
  const match = /^(\d{9,11})[.,](\d{6})$/.exec(text.trim());
  if (match === null) throw new Error(`"${text}" is no time printed by bash 5 or newer`);
  return Number(match[1]) * 1000 + Number(match[2]) / 1000;
}

function distanceAtTick(): number {
  const before = Date.now();
  for (;;) {
    const now = Date.now();
    if (now !== before) return now - performance.now();
  }
}
