/** Users' public SSH keys: kept for the historical command line, which registers one at each login and compares it later. */
import { notFound } from "@spell/domain";
import type { PublicKeyRecord, RunStore } from "@spell/run-store";
import type { Principal } from "../principal.ts";
import { requireUser } from "../principal.ts";
import { checkLabelText } from "./account-names.ts";
import { parsePublicKey } from "./public-key.ts";

export class PublicKeys {
  readonly #store: RunStore;
  readonly #now: () => number;

  constructor(store: RunStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Throws invalid-input (`bad-key`), already-exists (`key-exists`). */
  async add(principal: Principal, request: { title: string; key: string }): Promise<PublicKeyRecord> {
    const { userName } = requireUser(principal);
    const { text, fingerprint } = parsePublicKey(request.key);
    checkLabelText("The title of a key", request.title);
    const key = { userName, title: request.title, publicKey: text, fingerprint, createdAtMs: this.#now() };
    return this.#store.accounts.addKey(key);
  }

  async list(principal: Principal): Promise<PublicKeyRecord[]> {
    return this.#store.accounts.listKeys(requireUser(principal).userName);
  }

  /** Throws not-found. */
  async get(principal: Principal, id: number): Promise<PublicKeyRecord> {
    const key = await this.#store.accounts.findKey(requireUser(principal).userName, id);
    if (key === undefined) throw noSuchKey(id);
    return key;
  }

  /** Throws not-found. */
  async remove(principal: Principal, id: number): Promise<void> {
    if (!(await this.#store.accounts.removeKey(requireUser(principal).userName, id))) throw noSuchKey(id);
  }
}

function noSuchKey(id: number): Error {
  return notFound(`You have no key ${id}.`, "no-such-key");
}
