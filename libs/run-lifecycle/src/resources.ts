/** Listing resources, and what a copy of one consists of. */
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { LinkRecord } from "@spell/run-store";
import type { FileEntry } from "@spell/spellfs";
import type { LocateDeps, LocatedResource } from "./locate-resource.ts";
import { locateResource } from "./locate-resource.ts";
import type { Principal } from "./principal.ts";
import { requireOwner } from "./principal.ts";
import { walkCopy } from "./walk-copy.ts";
import type { CopiedEntry } from "./walk-copy.ts";

/** One line of a list. */
export interface ResourceLine {
  /** Relative to what was listed; directories end with `/`, uploads do not. */
  name: string;
  /** Files only. */
  sizeBytes?: number;
  /** When it came to be. */
  madeAtMs?: number;
  /** Links only: where it leads. */
  linkTarget?: string;
}

/** A resource and the link that its path went through. */
export interface Through<T> {
  value: T;
  link?: LinkRecord;
}

/** What a resource is as a tree. */
export type ResourceContent =
  { kind: "file"; file: FileEntry } | { kind: "directory"; digest: Digest } | { kind: "empty" };

/** Runs asked for at once. */
const PAGE = 1_000;

export class Resources {
  readonly #deps: LocateDeps;

  constructor(deps: LocateDeps) {
    this.#deps = deps;
  }

  /** What lies at a path. Throws not-found, invalid-input, or conflict for what is not there yet. */
  async list(principal: Principal, resource: string): Promise<Through<AsyncIterable<ResourceLine>>> {
    const owner = requireOwner(principal);
    const located = await this.#locate(owner, resource);
    if (located.kind === "list") return { value: this.#listPlace(owner.userName, located.of) };
    return { value: this.#listTree(located), link: located.link };
  }

  /** The file or directory that a path leads to. Throws as `list`. */
  async content(principal: Principal, resource: string): Promise<Through<ResourceContent>> {
    const located = await this.#locate(requireOwner(principal), resource);
    if (located.kind === "list") {
      throw cannotRead(resource, "it is a list, not a folder; copy its entries one by one", "invalid-input");
    }
    const { link } = located;
    if (located.kind === "empty") return { value: { kind: "empty" }, link };
    const { entry } = located;
    if (entry.kind === "directory") return { value: { kind: "directory", digest: entry.digest }, link };
    if (entry.kind === "file")
      return { value: { kind: "file", file: { ...entry, name: nameOf(resource, entry) } }, link };
    throw cannotRead(resource, `it is a link to "${entry.target}", which is not there`, "not-found");
  }

  /** The entries of a copy: of a directory what lies in it, of a file the file. Throws as `list`. */
  async copy(principal: Principal, resource: string): Promise<Through<AsyncIterable<CopiedEntry>>> {
    const located = await this.#locate(requireOwner(principal), resource);
    const { value, link } = await this.content(principal, resource);
    const madeAtMs = located.kind === "found" ? located.madeAtMs : 0;
    const source = located.kind === "found" ? { root: located.root, path: located.path } : undefined;
    return { value: walkCopy(this.#deps.trees, { content: value, source, madeAtMs }), link };
  }

  async #locate(principal: Principal, resource: string): Promise<Exclude<LocatedResource, { kind: "missing" }>> {
    const located = await locateResource(this.#deps, principal, resource);
    if (located.kind === "missing") throw cannotRead(resource, located.why, located.code);
    return located;
  }

  async *#listPlace(owner: string, place: "root" | "runs" | "uploads" | "public"): AsyncGenerator<ResourceLine> {
    const { store } = this.#deps;
    if (place === "root") {
      for (const name of ["public/", "runs/", "uploads/"]) yield { name };
      for (const { alias, resourcePath, createdAtMs } of await store.links.listLinks(owner)) {
        yield { name: alias, linkTarget: resourcePath, madeAtMs: createdAtMs };
      }
    }
    if (place === "uploads") {
      for (const { name, changedAtMs } of await store.uploads.listUploads(owner)) yield { name, madeAtMs: changedAtMs };
    }
    if (place !== "runs") return;
    for (let beforeId: number | undefined; ;) {
      const runs = await store.listRuns({ owner, pageSize: PAGE, beforeId });
      for (const run of runs) yield { name: `${run.id}/`, madeAtMs: run.endedAtMs ?? run.createdAtMs };
      beforeId = runs.at(-1)?.id;
      if (runs.length < PAGE) return;
    }
  }

  async *#listTree(located: Extract<LocatedResource, { kind: "found" | "empty" }>): AsyncGenerator<ResourceLine> {
    if (located.kind === "empty") return;
    const { entry, madeAtMs } = located;
    const entries = entry.kind === "directory" ? await this.#deps.trees.entries(entry.digest) : [entry];
    for (const each of entries) {
      if (each.kind === "directory") yield { name: `${each.name}/`, madeAtMs };
      else if (each.kind === "symlink") yield { name: each.name, madeAtMs, sizeBytes: 0, linkTarget: each.target };
      else yield { name: each.name, madeAtMs, sizeBytes: each.sizeBytes };
    }
  }
}

/** A link's own name is what the user asked for, not that of the file it leads to. */
function nameOf(resource: string, entry: FileEntry): string {
  return (
    resource
      .split("/")
      .filter((part) => part !== "")
      .at(-1) ?? entry.name
  );
}

function cannotRead(resource: string, why: string, code: "not-found" | "invalid-input" | "conflict"): SpellError {
  return new SpellError(code, `Cannot read "${resource}": ${why}.`, { reason: "no-such-resource" });
}
