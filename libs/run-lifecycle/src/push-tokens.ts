/** Tokens that let git push into one workspace for a short time, and do nothing else. Signed, and recorded nowhere. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Long enough for a push over a slow line, which is authenticated when it begins. */
const LIFETIME_MS = 15 * 60_000;

export class PushTokens {
  readonly #secret: string;
  readonly #now: () => number;

  constructor(secret: string, now: () => number) {
    this.#secret = secret;
    this.#now = now;
  }

  /** A token for this workspace, good for a quarter of an hour. */
  make(workspaceId: number): string {
    const expiresAtMs = this.#now() + LIFETIME_MS;
    return `spell_push_${workspaceId}_${expiresAtMs}_${this.#signature(workspaceId, expiresAtMs)}`;
  }

  /** The workspace that the token is for; undefined when it is not ours, or not any more. */
  read(token: string): number | undefined {
    const match = /^spell_push_(\d{1,15})_(\d{1,15})_([0-9a-f]{64})$/.exec(token);
    if (match === null) return undefined;
    const [workspaceId, expiresAtMs] = [Number(match[1]), Number(match[2])];
    const expected = Buffer.from(this.#signature(workspaceId, expiresAtMs));
    const isOurs = timingSafeEqual(expected, Buffer.from(match[3] ?? ""));
    return isOurs && this.#now() < expiresAtMs ? workspaceId : undefined;
  }

  #signature(workspaceId: number, expiresAtMs: number): string {
    return createHmac("sha256", this.#secret).update(`push ${workspaceId} ${expiresAtMs}`).digest("hex");
  }
}
