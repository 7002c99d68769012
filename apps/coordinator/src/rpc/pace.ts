/** Thins out what tells how far something is: a few a second are enough for whoever looks on. */

/** Longest silence while there is something new, milliseconds. */
const EVERY_MS = 250;

/** Some of the values, and the last one, known as such. Ends early when the signal fires. */
export async function* withPace<T>(
  values: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<{ value: T; last: boolean }, void, undefined> {
  let held: { value: T } | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  for await (const value of values) {
    if (signal.aborted) return;
    held = { value };
    if (performance.now() - toldAt < EVERY_MS) continue;
    toldAt = performance.now();
    yield { value, last: false };
  }
  if (held !== undefined) yield { value: held.value, last: true };
}
