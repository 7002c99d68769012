/** The last part of a check, when something was lost: what that is part of, by names that people know. */
import type { Digest } from "@spell/domain";
import type { ModelRecord, TreeReference } from "@spell/run-store";
import { REFERENCE_SOURCES } from "@spell/run-store";
import type { Broken, CheckDeps } from "./check-objects.ts";
import { entriesOrLoss, nodeOf } from "./check-trees.ts";
import { nameOfReference } from "./reference-names.ts";

/** A file or folder that is lost to somebody. */
export interface Loss {
  /** `runs/12`, `code of run 12`, `uploads/data`. */
  resource: string;
  owner: string;
  /** Inside of it; empty: all of it. */
  path: string;
  digest: Digest;
  /** The end of a sentence. */
  why: string;
  /** Models whose files it touches: `NAME:VERSION`. */
  models: string[];
  /** Name of the agent whose cache it was repaired from; undefined: it is lost. */
  repairedFrom?: string;
}

/** Blobs that were lost and are stored again: why they were, and from which agent. */
export type Repaired = Map<Digest, { why: string; from: string }>;

/** Of one tree so many are named. */
const PATHS = 100;
const REFERENCES = 200;

/** Everything in the record that names a tree in which something is lost. Adds to `lost` each blob that is lost to somebody. */
export async function* nameLosses(
  deps: CheckDeps,
  broken: Broken,
  lost: Set<Digest>,
): AsyncGenerator<Loss, void, undefined> {
  const namer = new Namer(deps, broken, { below: false });
  for await (const reference of named(deps)) {
    await namer.gather(reference, lost);
    yield* namer.lossesOf(reference);
  }
}

/** Everything that names a tree in which something was repaired. */
export async function* nameRepaired(deps: CheckDeps, repaired: Repaired): AsyncGenerator<Loss, void, undefined> {
  const namer = new Namer(deps, new Map([...repaired].map(([digest, { why }]) => [digest, why])), { below: true });
  for await (const reference of named(deps)) {
    for await (const loss of namer.lossesOf(reference)) {
      yield { ...loss, repairedFrom: repaired.get(loss.digest)?.from };
    }
  }
}

async function* named(deps: CheckDeps): AsyncGenerator<TreeReference, void, undefined> {
  for (const source of REFERENCE_SOURCES) {
    // What nothing names yet concerns nobody, unless it is about to be named.
    if (source === "recent") continue;
    let after: string | undefined;
    do {
      const page = await deps.store.garbage.listReferences(source, { after, limit: REFERENCES, committedSinceMs: 0 });
      yield* page.references;
      after = page.next;
    } while (after !== undefined);
  }
}

class Namer {
  readonly #deps: CheckDeps;
  readonly #broken: Broken;
  /** Whether to go on below a folder that is in `broken` itself. */
  readonly #below: boolean;
  /** Whether anything is lost in a folder. */
  readonly #damaged = new Map<Digest, boolean>();
  readonly #models = new Map<string, ModelRecord[]>();

  readonly #gathered = new Set<Digest>();

  constructor(deps: CheckDeps, broken: Broken, { below }: { below: boolean }) {
    this.#deps = deps;
    this.#broken = broken;
    this.#below = below;
  }

  /** Adds what is lost in the tree: all of it, however many paths are named. */
  async gather({ digest, isFile }: Pick<TreeReference, "digest" | "isFile">, lost: Set<Digest>): Promise<void> {
    if (this.#gathered.has(digest)) return;
    this.#gathered.add(digest);
    if (this.#broken.has(digest)) lost.add(digest);
    else if (!isFile && (await this.#isDamaged(digest))) {
      for (const entry of await this.#entries(digest)) {
        if (entry.kind !== "symlink") await this.gather({ digest: entry.digest, isFile: entry.kind === "file" }, lost);
      }
    }
  }

  async *lossesOf(reference: TreeReference): AsyncGenerator<Loss, void, undefined> {
    const { owner, digest, isFile } = reference;
    const resource = nameOfReference(reference);
    let left = PATHS;
    for await (const { path, lost, why } of this.#paths(digest, isFile, "")) {
      yield { resource, owner, path, digest: lost, why, models: await this.#touched(owner, resource, path) };
      left -= 1;
      if (left === 0) return;
    }
  }

  async *#paths(
    digest: Digest,
    isFile: boolean,
    path: string,
  ): AsyncGenerator<{ path: string; lost: Digest; why: string }, void, undefined> {
    const why = this.#broken.get(digest);
    if (why !== undefined) yield { path, lost: digest, why };
    if (why !== undefined && !this.#below) return;
    if (!isFile && (await this.#isDamaged(digest))) {
      for (const entry of await this.#entries(digest)) {
        if (entry.kind === "symlink") continue;
        const below = path === "" ? entry.name : `${path}/${entry.name}`;
        yield* this.#paths(entry.digest, entry.kind === "file", below);
      }
    }
  }

  async #isDamaged(digest: Digest): Promise<boolean> {
    const known = this.#damaged.get(digest);
    if (known !== undefined) return known;
    let damaged = false;
    for (const entry of await this.#entries(digest)) {
      if (entry.kind === "symlink") continue;
      damaged ||=
        this.#broken.has(entry.digest) || (entry.kind === "directory" && (await this.#isDamaged(entry.digest)));
    }
    this.#damaged.set(digest, damaged);
    return damaged;
  }

  async #entries(digest: Digest): Promise<Exclude<Awaited<ReturnType<typeof entriesOrLoss>>, string>> {
    const node = await nodeOf(this.#deps, digest);
    const entries = node === undefined ? [] : await entriesOrLoss(this.#deps, node);
    return typeof entries === "string" ? [] : entries;
  }

  /** Models of the owner whose resource holds the path, or lies in it. */
  async #touched(owner: string, resource: string, path: string): Promise<string[]> {
    let models = this.#models.get(owner);
    if (models === undefined) {
      models = owner === "" ? [] : await this.#deps.store.models.listModels(owner);
      this.#models.set(owner, models);
    }
    const lost = path === "" ? resource : `${resource}/${path}`;
    const within = (one: string, other: string): boolean => one === other || one.startsWith(`${other}/`);
    return models.flatMap(({ name, versions }) =>
      versions
        .filter((version) => within(lost, version.resource) || within(version.resource, lost))
        .map(({ version }) => `${name}:${version}`),
    );
  }
}
