/** What a resource path names for somebody who asks: the one place that decides it, for lists, copies, mounts, links and models. */
import type { Digest, ErrorCode, ResourcePath } from "@spell/domain";
import { isFinal, parseResourcePath } from "@spell/domain";
import type { LinkRecord, RunStore } from "@spell/run-store";
import type { TreeEntry } from "@spell/spellfs";
import type { Principal } from "./principal.ts";
import { mayRead } from "./principal.ts";
import type { TreeCatalog } from "./tree-catalog.ts";

export interface LocateDeps {
  store: RunStore;
  trees: TreeCatalog;
}

/** A file or folder in a tree. */
export interface FoundResource {
  kind: "found";
  entry: TreeEntry;
  /** The whole tree that it is part of, and its place in there. */
  root: Digest;
  path: string;
  /** When the tree came to be. */
  madeAtMs: number;
  /** The link that the path went through. */
  link?: LinkRecord;
}

/** Nothing that could be read; `why` ends a sentence. */
export interface MissingResource {
  kind: "missing";
  why: string;
  /** `conflict`: not yet. */
  code: Extract<ErrorCode, "not-found" | "invalid-input" | "conflict">;
}

/** `empty`: a run that wrote no files. */
export type LocatedResource =
  | FoundResource
  | MissingResource
  | { kind: "empty"; why: string; link?: LinkRecord }
  | { kind: "list"; of: "root" | "runs" | "uploads" | "public" };

/** Looks it up. Links inside trees are followed; one that leads nowhere is found as the link that it is. */
export async function locateResource(
  deps: LocateDeps,
  principal: Principal,
  resource: string,
): Promise<LocatedResource> {
  if (principal.kind === "agent") return missing("an agent has no resources", "not-found");
  const path = parseResourcePath(resource);
  if (path.kind !== "link") return locatePath(deps, principal, path);
  const link = await deps.store.links.findLink(principal.userName, path.alias);
  if (link === undefined) return missing(`there is no link "${path.alias}"`, "not-found");
  const target = [link.resourcePath, path.path].filter((part) => part !== "").join("/");
  const located = await locatePath(deps, principal, parseResourcePath(target));
  return located.kind === "found" || located.kind === "empty" ? { ...located, link } : located;
}

type Owner = Exclude<Principal, { kind: "agent" }>;

async function locatePath(deps: LocateDeps, principal: Owner, path: ResourcePath): Promise<LocatedResource> {
  switch (path.kind) {
    case "root":
    case "runs":
    case "uploads":
      return { kind: "list", of: path.kind };
    case "public":
      return path.path === ""
        ? { kind: "list", of: "public" }
        : missing("this farm has no public resources", "not-found");
    case "run":
      return locateInRun(deps, principal, path);
    case "upload":
      return locateInUpload(deps, principal, path);
    case "link":
      return missing(`there is no link "${path.alias}"`, "not-found");
    case "none":
      return missing(path.why, "invalid-input");
  }
}

async function locateInRun(
  deps: LocateDeps,
  principal: Owner,
  { runId, path }: { runId: number; path: string },
): Promise<LocatedResource> {
  const run = await deps.store.findRun(runId);
  if (run === undefined || !mayRead(principal, run)) return missing(`there is no run ${runId}`, "not-found");
  if (run.outputsDroppedAtMs !== undefined) {
    const day = new Date(run.outputsDroppedAtMs).toISOString().slice(0, 10);
    return missing(`run ${runId} is archived, and its outputs were dropped on ${day}`, "not-found");
  }
  if (run.archivedAtMs !== undefined) return missing(`run ${runId} is archived`, "not-found");
  if (!isFinal(run.status)) {
    return missing(`run ${runId} is still ${run.status}; wait until it has ended`, "conflict");
  }
  if (run.outputTree === undefined) {
    const why = `run ${runId} wrote no files`;
    return path === "" ? { kind: "empty", why } : missing(why, "not-found");
  }
  const tree = { root: run.outputTree, madeAtMs: run.endedAtMs ?? run.createdAtMs };
  return (await findIn(deps, tree, path)) ?? missing(`run ${runId} has no "${path}"`, "not-found");
}

async function locateInUpload(
  deps: LocateDeps,
  principal: Owner,
  { name, path }: { name: string; path: string },
): Promise<LocatedResource> {
  const upload = await deps.store.uploads.findUpload(principal.userName, name);
  if (upload === undefined) return missing(`there is no upload "${name}"`, "not-found");
  if (upload.tree === undefined) return missing(`the upload "${name}" is not complete yet`, "conflict");
  const tree = { root: upload.tree, madeAtMs: upload.changedAtMs };
  return (await findIn(deps, tree, path)) ?? missing(`the upload "${name}" has no "${path}"`, "not-found");
}

async function findIn(
  { trees }: LocateDeps,
  { root, madeAtMs }: { root: Digest; madeAtMs: number },
  path: string,
): Promise<FoundResource | undefined> {
  const found = await trees.follow(root, path);
  if (found !== undefined) return { kind: "found", ...found, root, madeAtMs };
  const entry = await trees.find(root, path);
  return entry && { kind: "found", entry, path, root, madeAtMs };
}

function missing(why: string, code: MissingResource["code"]): MissingResource {
  return { kind: "missing", why, code };
}
