/** Access tokens: named tokens that stand for their user until they are deleted. Users only: a run makes none for itself. */
import { notFound } from "@spell/domain";
import type { AccessTokenRecord, RunStore } from "@spell/run-store";
import type { Principal } from "../principal.ts";
import { requireUser } from "../principal.ts";
import { hashToken, newToken } from "../tokens.ts";
import { checkLabelText } from "./account-names.ts";

export class AccessTokens {
  readonly #store: RunStore;
  readonly #now: () => number;

  constructor(store: RunStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** The token is told once and never again. Throws already-exists (`access-token-exists`). */
  async create(principal: Principal, name: string): Promise<{ token: string; createdAtMs: number }> {
    const { userName } = requireUser(principal);
    checkLabelText("The name of an access token", name);
    const [token, createdAtMs] = [newToken("user"), this.#now()];
    await this.#store.accounts.addAccessToken({ hash: hashToken(token), userName, name, createdAtMs });
    return { token, createdAtMs };
  }

  async list(principal: Principal): Promise<AccessTokenRecord[]> {
    return this.#store.accounts.listAccessTokens(requireUser(principal).userName);
  }

  /** It is refused from now on. Throws not-found. */
  async remove(principal: Principal, name: string): Promise<void> {
    if (await this.#store.accounts.removeAccessToken(requireUser(principal).userName, name)) return;
    throw notFound(`You have no access token named "${name.slice(0, 255)}".`, "no-such-access-token");
  }
}
