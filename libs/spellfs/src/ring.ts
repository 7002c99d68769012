/** Buffers that file after file is read through: new ones for each would lie in memory until somebody collects them. */

/** As long as any blob of a pack at least. */
export const PIECE_BYTES = 1024 * 1024;
/** One being read, one being used, one that may still be on its way. */
const BUFFERS = 3;
/** Of those that are not in use; more at once are new. */
const KEPT = 4;

export type Ring = readonly Buffer<ArrayBuffer>[];

const kept: Ring[] = [];

/** To be given back once nothing reads or writes its buffers any more. */
export function takeRing(): Ring {
  return kept.pop() ?? newRing(PIECE_BYTES);
}

/** One that nobody else uses before or after. */
export function newRing(pieceBytes: number): Ring {
  return Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(pieceBytes));
}

export function giveRing(ring: Ring): void {
  if (kept.length < KEPT) kept.push(ring);
}

/** The buffer of the nth piece. */
export function bufferAt(ring: Ring, turn: number): Buffer<ArrayBuffer> {
  return ring[turn % ring.length] ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
}
