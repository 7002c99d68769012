/** What a relay does to the connections that are led through it. */

export type RelayRule = {
  /** Address of who connects; absent: whoever it is. */
  from?: string;
  /** Address of whom they mean to reach. */
  to: string;
} & RelayManner;

export type RelayManner =
  /** Each direction takes longer, and packets are lost. */
  | { manner: "slow"; delayMs: number; lossShare: number }
  /** HTTP requests are answered with 503. */
  | { manner: "unavailable" }
  /** Connections break after so many bytes. */
  | { manner: "cut"; afterBytes: number };

/** Shortest time after which TCP sends again what nobody has confirmed. */
const RETRANSMISSION_MS = 200;
const PACKET_BYTES = 1_460;
/** With fewer packets under way the sender is not told that one is missing, and waits. */
const FEW_PACKETS = 3;

/**
 * How much later bytes arrive because packets were lost. A relay sees connections, not packets: what loss does to a connection
 * is that everything behind the lost packet waits, for a round trip where others follow it, for the retransmission where not. Pure.
 */
export function lossDelayMs(bytes: number, rule: { delayMs: number; lossShare: number }, chance: () => number): number {
  const packets = Math.ceil(bytes / PACKET_BYTES);
  let lost = 0;
  for (let packet = 0; packet < packets; packet += 1) if (chance() < rule.lossShare) lost += 1;
  return lost * (packets <= FEW_PACKETS ? RETRANSMISSION_MS : 2 * rule.delayMs);
}
