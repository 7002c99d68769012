/** Thins out what tells how far something is: a few a second are enough for whoever looks on. */

/** Longest silence while there is something new, milliseconds. */
const EVERY_MS = 250;

/** Some of the values, all that are news, and the last one, known as such. Ends early when the signal fires. */
export async function* withPace<T>(
  values: AsyncIterable<T>,
  signal: AbortSignal,
  isNews: (value: T) => boolean = () => false,
): AsyncGenerator<{ value: T; last: boolean }, void, undefined> {
  let held: { value: T } | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  for await (const value of values) {
    if (signal.aborted) return;
    // The one before was not the last.
    const isDue = performance.now() - toldAt >= EVERY_MS;
    if (held !== undefined && (isDue || isNews(held.value))) {
      toldAt = performance.now();
      yield { value: held.value, last: false };
    }
    held = { value };
  }
  if (held !== undefined) yield { value: held.value, last: true };
}
