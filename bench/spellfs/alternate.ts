/** All carriers one after the other, round after round, so that a slow moment of the machine hits everybody. */
import type { Carrier, Moved } from "./carrier.ts";

export type Samples = Map<string, Moved[]>;

/** Adds what a carrier's work came to. */
export function keep(samples: Samples, carrier: string, moved: Moved): void {
  samples.set(carrier, [...(samples.get(carrier) ?? []), moved]);
}

/** In another order each round: who goes first finds other caches than who goes last. */
export async function eachInTurn(
  carriers: readonly Carrier[],
  round: number,
  work: (carrier: Carrier) => Promise<void>,
): Promise<void> {
  const first = carriers.length === 0 ? 0 : round % carriers.length;
  for (const carrier of [...carriers.slice(first), ...carriers.slice(0, first)]) await work(carrier);
}
