/**
 * How often a password may be tried: 10 times wrong for one user from one address, 100 times from one address, within 10
 * minutes. Counted in memory: a restart of the coordinator forgives, which takes longer than it gives.
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
  async count(who: { identity: string; address: string }, attempt: () => Promise<boolean>): Promise<boolean> {
    // The address first: it bounds how many pairs are kept.
    await take(this.#addresses, who.address);
    const pair = `${who.address} ${who.identity.toLowerCase().slice(0, 300)}`;
    await take(this.#users, pair);
    const right = await attempt();
    if (right) {
      await this.#addresses.reward(who.address);
      await this.#users.delete(pair);
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
