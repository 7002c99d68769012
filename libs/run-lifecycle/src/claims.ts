/**
 * Where users say that blobs lie. That counts for them at once, and for others when the coordinator has hashed the bytes there: only
 * then, and only what somebody else wants as well. docs/adr/0013 tells why.
 */
import type { Digest } from "@spell/domain";
import type { SpellError } from "@spell/domain";
import { hasCode, invalidInput } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { BlobLocation, RunStore } from "@spell/run-store";
import { digestOf } from "@spell/spellfs";
import pLimit from "p-limit";
import { readBlob } from "./read-blob.ts";
import { SPAN_BYTES, readPlaces } from "./read-places.ts";

/** Read for one question about what is missing. Whoever wants more sends it. */
const CONFIRM_BYTES = 256 * 1024 * 1024;
/** Verdicts kept: objects never change, so nothing is read twice. */
const VERDICTS = 100_000;

/** A place where other bytes lie than somebody said. */
export interface FalseClaim {
  digest: Digest;
  objectKey: string;
  userName: string;
}

export interface ClaimsDeps {
  store: Pick<RunStore, "findBlobs" | "findNodes" | "confirmBlobs">;
  objects: ObjectStore;
  onFalseClaim: (claim: FalseClaim) => void;
}

export class Claims {
  readonly #deps: ClaimsDeps;
  readonly #verdicts = new Map<string, boolean>();
  /** One at a time: the thread hashes, and what the one before has found need not be read again. */
  readonly #turn = pLimit(1);

  constructor(deps: ClaimsDeps) {
    this.#deps = deps;
  }

  /** Those of the blobs that this user may count on. Files that others claim are looked at, as far as that does not take long. */
  async knownTo(userName: string | undefined, found: readonly BlobLocation[]): Promise<Set<Digest>> {
    const known = new Set(found.filter((blob) => isKnown(blob, userName)).map(({ digest }) => digest));
    const claims = found.filter((blob) => !isKnown(blob, userName)).map(({ digest }) => digest);
    if (claims.length > 0) for (const digest of await this.#turn(() => this.#confirm(claims))) known.add(digest);
    return known;
  }

  /** Hashes all of it. Throws invalid-input (`bad-blob-place`) for a place where other bytes lie. */
  async require(places: readonly BlobLocation[]): Promise<void> {
    const [wrong] = await this.#wrongOf(places);
    if (wrong === undefined) return;
    throw badPlace(wrong);
  }

  async #confirm(digests: readonly Digest[]): Promise<Digest[]> {
    const { store, onFalseClaim } = this.#deps;
    // What lies below a node would have to be looked at too: whoever wants it sends the node, and asks about what is below.
    const nodes = new Set((await store.findNodes(digests)).map(({ digest }) => digest));
    const files = (await store.findBlobs(digests)).filter(({ digest }) => !nodes.has(digest));
    const already = files.filter(({ claimedBy }) => claimedBy === undefined);
    let leftBytes = CONFIRM_BYTES;
    const chosen = files.filter(({ claimedBy, sizeBytes }) => {
      if (claimedBy === undefined || sizeBytes > leftBytes) return false;
      leftBytes -= sizeBytes;
      return true;
    });
    const wrong = new Set(await this.#wrongOf(chosen));
    const right = chosen.filter((place) => !wrong.has(place));
    if (right.length > 0) await store.confirmBlobs(right);
    for (const { digest, objectKey, claimedBy = "" } of wrong) onFalseClaim({ digest, objectKey, userName: claimedBy });
    return [...already, ...right].map(({ digest }) => digest);
  }

  /** Throws unavailable when the store is away. */
  async #wrongOf(places: readonly BlobLocation[]): Promise<BlobLocation[]> {
    const wrong: BlobLocation[] = [];
    const unseen: BlobLocation[] = [];
    for (const place of places) {
      const verdict = this.#verdicts.get(nameOf(place));
      if (verdict === undefined) unseen.push(place);
      else if (!verdict) wrong.push(place);
    }
    for (const group of Map.groupBy(unseen, ({ objectKey }) => objectKey).values()) {
      const right = new Set<BlobLocation>();
      for await (const place of this.#rightOf(group)) right.add(place);
      for (const place of group) {
        if (!right.has(place)) wrong.push(place);
        if (this.#verdicts.size >= VERDICTS) this.#verdicts.clear();
        this.#verdicts.set(nameOf(place), right.has(place));
      }
    }
    return wrong;
  }

  /** Of places in one object. */
  async *#rightOf(places: readonly BlobLocation[]): AsyncGenerator<BlobLocation, void, undefined> {
    const { objects } = this.#deps;
    const small = places.filter(({ sizeBytes }) => sizeBytes <= SPAN_BYTES);
    try {
      for await (const { place, bytes } of readPlaces(objects, small)) {
        if (digestOf(bytes) === place.digest) yield place;
      }
      for (const place of places) {
        if (place.sizeBytes <= SPAN_BYTES) continue;
        if (await isReadable(objects, place)) yield place;
      }
    } catch (error) {
      // The object is not there, or shorter than was said: what was not given by now is wrong.
      if (!isWrong(error)) throw error;
    }
  }
}

async function isReadable(objects: ObjectStore, place: BlobLocation): Promise<boolean> {
  try {
    for await (const bytes of readBlob(objects, place)) void bytes;
    return true;
  } catch (error) {
    if (isWrong(error)) return false;
    throw error;
  }
}

/** Whether this user may count on the blob as it is recorded. */
export function isKnown({ claimedBy }: BlobLocation, userName: string | undefined): boolean {
  return claimedBy === undefined || claimedBy === userName;
}

function nameOf({ digest, objectKey, offset, sizeBytes }: BlobLocation): string {
  return `${digest} ${objectKey} ${offset} ${sizeBytes}`;
}

function isWrong(error: unknown): boolean {
  return hasCode(error, "not-found") || hasCode(error, "data-loss") || hasCode(error, "invalid-input");
}

/** The refusal of a place where other bytes lie. */
export function badPlace({ digest, objectKey }: { digest: Digest; objectKey: string }): SpellError {
  const message = `Blob ${digest} does not lie in object ${objectKey} where it is said to: upload it again.`;
  return invalidInput(message, "bad-blob-place");
}
