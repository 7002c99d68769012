/**
 * How often a password may be tried: 10 times wrong for one user from one address, 100 times from one address, within 10
 * minutes. Counted in memory: a restart of the coordinator forgives, which takes longer than it gives. What names no user, as a
 * token that nobody can guess, counts for its address alone: whoever shares the address is not shut out by one wrong script.
 */
import { SpellError } from "@spell/domain";
import { RateLimiterMemory } from "rate-limiter-flexible";

const DURATION_S = 600;
const PER_USER = 10;
const PER_ADDRESS = 100;

export class LoginAttempts {
  readonly #users = new RateLimiterMemory({ points: PER_USER, duration: DURATION_S });
  readonly #addresses = new RateLimiterMemory({ points: PER_ADDRESS, duration: DURATION_S });

  /** Runs one attempt, counted before it begins so that many at once are counted too. One that gives true is forgiven. */
  async count(who: { identity?: string; address: string }, attempt: () => Promise<boolean>): Promise<boolean> {
    // The address first: it bounds how many pairs are kept.
    const { identity, address } = who;
    await take(this.#addresses, address);
    const pair = identity === undefined ? undefined : `${address} ${identity.toLowerCase().slice(0, 300)}`;
    if (pair !== undefined) await take(this.#users, pair);
    const right = await attempt();
    if (right) {
      await this.#addresses.reward(address);
      if (pair !== undefined) await this.#users.delete(pair);
    }
    return right;
  }
}

async function take(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    const waitMs = (error as { msBeforeNext?: number }).msBeforeNext;
    if (waitMs === undefined) throw error;
    const minutes = Math.max(1, Math.ceil(waitMs / 60_000));
    const wait = `${minutes} minute${minutes === 1 ? "" : "s"}`;
    throw new SpellError("exhausted", `Too many wrong passwords or tokens: try again in ${wait}.`, {
      reason: "too-many-attempts",
    });
  }
}
