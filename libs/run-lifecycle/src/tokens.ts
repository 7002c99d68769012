/** Tokens: random ones that the record knows by their hash, and those of runs, which are signed and recorded nowhere. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { SpellError, isFinal } from "@spell/domain";
import type { RunStore } from "@spell/run-store";
import type { Principal } from "./principal.ts";
import { agentRemoved } from "./steer-agents.ts";

/** A new random token; the prefix says what it is for when one turns up in a log. */
export function newToken(kind: "user" | "agent" | "join"): string {
  return `spell_${kind}_${randomBytes(24).toString("base64url")}`;
}

/** Under which the record keeps a token. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** When an access token was used is written down at most this often. */
const TOUCH_EVERY_MS = 60_000;

export class Authenticator {
  readonly #store: RunStore;
  readonly #runSecret: string;
  readonly #now: () => number;
  /** When each access token's use was last written, by its hash. */
  readonly #touched = new Map<string, number>();

  /** `runSecret`: signs the tokens of runs. */
  constructor(store: RunStore, runSecret: string, now: () => number) {
    this.#store = store;
    this.#runSecret = runSecret;
    this.#now = now;
  }

  /** The token a run is given: good for its own workflow until the attempt ends. */
  runToken(runId: number, attempt: number): string {
    return `spell_run_${runId}_${attempt}_${this.#signature(runId, attempt)}`;
  }

  /** Throws unauthenticated. */
  async authenticate(token: string): Promise<Principal> {
    const match = /^spell_run_(\d{1,15})_(\d{1,9})_([0-9a-f]{64})$/.exec(token);
    const principal = match === null ? await this.#recorded(token) : await this.#run(match);
    if (principal !== undefined) return principal;
    throw new SpellError("unauthenticated", "This token is not valid (any more): log in again with spell login.", {
      reason: "bad-token",
    });
  }

  async #recorded(token: string): Promise<Principal | undefined> {
    const hash = hashToken(token);
    const owner = token === "" ? undefined : await this.#store.findToken(hash);
    if (owner?.kind === "user") {
      if (owner.accessToken !== undefined) await this.#touch(hash);
      return { kind: "user", userName: owner.userName };
    }
    if (owner?.kind === "agent" && owner.removed) throw agentRemoved();
    return owner?.kind === "agent" ? { kind: "agent", agentId: owner.agentId } : undefined;
  }

  async #touch(hash: string): Promise<void> {
    const nowMs = this.#now();
    if (nowMs - (this.#touched.get(hash) ?? 0) < TOUCH_EVERY_MS) return;
    this.#touched.set(hash, nowMs);
    // Whoever has a valid token is let in even while nothing can be written.
    await this.#store.accounts.touchAccessToken(hash, nowMs).catch(() => undefined);
  }

  async #run(match: RegExpExecArray): Promise<Principal | undefined> {
    const [runId, attempt] = [Number(match[1]), Number(match[2])];
    const expected = Buffer.from(this.#signature(runId, attempt));
    if (!timingSafeEqual(expected, Buffer.from(match[3] ?? ""))) return undefined;
    const run = await this.#store.findRun(runId);
    const isInForce = run?.attempt === attempt && run.agentId !== undefined && !isFinal(run.status);
    if (!isInForce) return undefined;
    return { kind: "run", userName: run.owner, runId, workflowId: run.workflowId };
  }

  #signature(runId: number, attempt: number): string {
    return createHmac("sha256", this.#runSecret).update(`run ${runId} ${attempt}`).digest("hex");
  }
}
