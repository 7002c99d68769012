/** The labels of a new workflow: what worker runs get as their code. */
import type { Digest } from "@spell/domain";
import { invalidInput } from "@spell/domain";
import type { LabelCode, WorkflowLabel } from "@spell/run-store";
import type { Principal } from "./principal.ts";
import type { ResolveCode } from "./resolve-code.ts";
import type { TreeCatalog } from "./tree-catalog.ts";
import { checkCodeRoot } from "./workspaces.ts";

/** What a label may name. All but a directory of the master run is fixed at once. */
export type LabelRequest = { label: string } & (
  | { path: string }
  | { workspaceId: number; commit: string }
  | { githubUrl: string; githubRef: string }
  | { codeTree: Digest; codeRoot: string; commit: string }
);

/** Each fetches or reads a commit. */
const MAX_LABELS = 256;

/** Throws invalid-input naming the label that cannot be used. `masterTree`: the code of the master run; empty: none. */
export async function resolveLabels(
  deps: { code: ResolveCode; trees: TreeCatalog },
  principal: Principal,
  request: { labels: readonly LabelRequest[]; masterTree: Digest | "" },
): Promise<WorkflowLabel[]> {
  if (request.labels.length > MAX_LABELS)
    throw invalidInput(`A workflow has at most ${MAX_LABELS} labels.`, "bad-label");
  const resolved: WorkflowLabel[] = [];
  for (const each of request.labels) {
    const { label } = each;
    if (label === "") throw invalidInput("A label is empty: write --repo LABEL=PATH.", "bad-label");
    if (resolved.some((other) => other.label === label)) {
      throw invalidInput(`The label "${label}" is given twice.`, "duplicate-label");
    }
    if ("path" in each) {
      await checkDirectory(deps.trees, each, request.masterTree);
      resolved.push({ label, path: each.path });
    } else {
      const code = "codeTree" in each ? await sentCode(deps.trees, each) : await deps.code.ofSpec(principal, each);
      resolved.push({ label, path: "", code });
    }
  }
  return resolved;
}

/** The code is one folder per code root: a label names one of them or what lies below. */
async function checkDirectory(
  trees: TreeCatalog,
  { label, path }: { label: string; path: string },
  masterTree: Digest | "",
): Promise<void> {
  const entry = masterTree === "" || path === "" ? undefined : await trees.find(masterTree, path);
  if (entry?.kind === "directory") return;
  throw invalidInput(`Label "${label}": the workflow's code has no directory ${path}.`, "bad-label");
}

async function sentCode(
  trees: TreeCatalog,
  { label, codeTree, codeRoot, commit }: { label: string; codeTree: Digest; codeRoot: string; commit: string },
): Promise<LabelCode> {
  if (!(await trees.hasTree(codeTree))) {
    throw invalidInput(`Label "${label}": the code tree ${codeTree} is not known: upload it first.`, "no-such-tree");
  }
  checkCodeRoot(codeRoot);
  if ((await trees.find(codeTree, codeRoot))?.kind !== "directory") {
    throw invalidInput(`Label "${label}": the code has no directory ${codeRoot}.`, "bad-label");
  }
  return { tree: codeTree, root: codeRoot, commit };
}
