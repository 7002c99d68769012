/** What code a run or a label asks for, as a tree: sent along, pushed with git, fetched from a URL, or labelled. */
import { createHash } from "node:crypto";
import type { Digest } from "@spell/domain";
import { invalidInput, isFinal, notFound } from "@spell/domain";
import type { LabelCode, RunStore, WorkflowLabel, WorkflowRecord } from "@spell/run-store";
import { workspaceRepository } from "@spell/run-store";
import type { CodeRepositories } from "./code-repositories.ts";
import { parseCodeUrl } from "./code-url.ts";
import type { CommitTrees } from "./commit-trees.ts";
import type { Principal } from "./principal.ts";
import type { Snapshots } from "./snapshots.ts";
import type { TreeCatalog } from "./tree-catalog.ts";
import type { Workspaces } from "./workspaces.ts";
import { checkCodeRoot, isCommitName } from "./workspaces.ts";

/** The ways to name code; at most one of them. */
export interface CodeRequest {
  codeTree: Digest | "";
  /** With a tree: its folder that is the code's root. With a pushed commit: where it lies below /spell; default its name. */
  codeRoot: string;
  commitLabel: string;
  workspaceId?: number;
  /** The commit for people to read; of a workspace: the one to run, unless changes were pushed on top of it. */
  gitCommit: string;
  /** The commit that holds changes which are in no commit of the user's. */
  uncommittedCommit?: string;
  githubUrl: string;
  /** Empty: HEAD. */
  githubRef: string;
}

export interface ResolvedCode {
  /** Empty: no code. */
  codeTree: Digest | "";
  codeRoot: string;
  gitCommit: string;
  /** Without a password. */
  githubUrl: string;
  githubRef: string;
  workspaceId?: number;
  /** What of a commit no tree can hold, as sentences. */
  leftOut: string[];
}

export interface ResolveCodeDeps {
  store: RunStore;
  trees: TreeCatalog;
  snapshots: Snapshots;
  workspaces: Workspaces;
  commits: CommitTrees;
  repositories: CodeRepositories;
  /** Protocols of git besides https, http, git and ssh. */
  allowedProtocols: readonly string[];
}

export class ResolveCode {
  readonly #deps: ResolveCodeDeps;

  constructor(deps: ResolveCodeDeps) {
    this.#deps = deps;
  }

  /** Throws invalid-input for code that is named twice, or that cannot be had. */
  async ofRun(principal: Principal, request: CodeRequest, workflow: WorkflowRecord | undefined): Promise<ResolvedCode> {
    const { codeTree, codeRoot, commitLabel, workspaceId, gitCommit, githubUrl, githubRef } = request;
    const ways = [
      ...(commitLabel === "" ? [] : ["a commit label"]),
      ...(githubUrl === "" ? [] : ["a git URL"]),
      ...(codeTree === "" ? [] : ["code"]),
      ...(codeTree === "" && workspaceId !== undefined ? ["a workspace"] : []),
    ];
    if (ways.length > 1) throw invalidInput(`Give either ${ways.join(" or ")}, not both.`, "code-given-twice");
    if (githubUrl === "" && githubRef !== "" && githubRef !== "HEAD") {
      throw invalidInput("A git ref was given without the URL that it belongs to.", "no-git-url");
    }
    if (commitLabel !== "") return this.#ofLabel(commitLabel, workflow);
    if (githubUrl !== "") return this.#ofUrl(githubUrl, githubRef);
    if (codeTree !== "") {
      // For people to read, and for finding the run again.
      if (workspaceId !== undefined) await this.#deps.workspaces.get(principal, workspaceId);
      return { codeTree, codeRoot, gitCommit, githubUrl: "", githubRef: "", workspaceId, leftOut: [] };
    }
    if (workspaceId === undefined) {
      if (gitCommit !== "" || request.uncommittedCommit !== undefined) {
        throw invalidInput("A commit was given without the workspace that it was pushed to.", "no-workspace");
      }
      return { codeTree, codeRoot, gitCommit, githubUrl: "", githubRef: "", leftOut: [] };
    }
    const commit = request.uncommittedCommit ?? gitCommit;
    const code = await this.#ofWorkspace(principal, { workspaceId, commit, codeRoot });
    const { tree, root, leftOut } = code;
    return { codeTree: tree, codeRoot: root, gitCommit, githubUrl: "", githubRef: "", workspaceId, leftOut };
  }

  /** Code that is fixed when a workflow is created, for a label. */
  async ofSpec(
    principal: Principal,
    spec: { workspaceId: number; commit: string } | { githubUrl: string; githubRef: string },
  ): Promise<LabelCode> {
    if ("workspaceId" in spec) {
      const { workspaceId, commit } = spec;
      const { leftOut: _, ...code } = await this.#ofWorkspace(principal, { workspaceId, commit, codeRoot: "" });
      return { ...code, workspaceId, commit };
    }
    const { codeTree, codeRoot, gitCommit, githubUrl, githubRef } = await this.#ofUrl(spec.githubUrl, spec.githubRef);
    if (codeTree === "") throw new Error("fetched code has a tree");
    return { tree: codeTree, root: codeRoot, commit: gitCommit, githubUrl, githubRef };
  }

  async #ofWorkspace(
    principal: Principal,
    { workspaceId, commit, codeRoot }: { workspaceId: number; commit: string; codeRoot: string },
  ): Promise<{ tree: Digest; root: string; leftOut: string[] }> {
    const { workspaces, commits, repositories, trees } = this.#deps;
    const workspace = await workspaces.get(principal, workspaceId);
    if (!isCommitName(commit)) {
      throw invalidInput(`"${commit.slice(0, 80)}" is not the name of a commit (40 hex digits).`, "bad-commit");
    }
    const root = codeRoot === "" ? workspace.name : codeRoot;
    checkCodeRoot(root);
    const found = await commits.treeOf({
      repository: workspaceRepository(workspaceId),
      gitDir: repositories.gitDir(workspaceId),
      commit: commit.toLowerCase(),
    });
    if (found === undefined) {
      throw invalidInput(
        `Commit ${commit} was not pushed to workspace ${workspaceId} ("${workspace.name}"). Only HEAD and what leads to it is pushed: check the commit out, or merge it, and try again.`,
        "no-such-commit",
      );
    }
    return { tree: await trees.wrap(root, found.tree), root, leftOut: found.leftOut };
  }

  async #ofUrl(text: string, githubRef: string): Promise<ResolvedCode & { codeTree: Digest }> {
    const { commits, repositories, trees, allowedProtocols } = this.#deps;
    const { url, shown, name } = parseCodeUrl(text, allowedProtocols);
    const { gitDir, commit } = await repositories.fetch({ url, ref: githubRef });
    const repository = `url/${createHash("sha256").update(url).digest("hex")}`;
    const found = await commits.treeOf({ repository, gitDir, commit });
    if (found === undefined) throw notFound(`${shown} has no commit ${commit} any more: try again.`, "no-such-commit");
    return {
      ...{ codeTree: await trees.wrap(name, found.tree), codeRoot: name, gitCommit: commit },
      ...{ githubUrl: shown, githubRef: githubRef || "HEAD", leftOut: found.leftOut },
    };
  }

  async #ofLabel(commitLabel: string, workflow: WorkflowRecord | undefined): Promise<ResolvedCode> {
    if (workflow === undefined) {
      throw invalidInput(
        `The label "${commitLabel}" was given outside a workflow: only workflows have labels.`,
        "no-workflow",
      );
    }
    const label = workflow.labels.find((each) => each.label === commitLabel);
    if (label === undefined) {
      const known = workflow.labels.map((each) => each.label).join(", ") || "none";
      throw invalidInput(
        `Workflow ${workflow.id} has no label "${commitLabel}" (its labels: ${known}): name it with --repo ${commitLabel}=PATH.`,
        "unknown-commit-label",
      );
    }
    const { code } = label;
    if (code === undefined) {
      const directory = await this.#ofDirectory(workflow, label);
      return { ...directory, gitCommit: "", githubUrl: "", githubRef: "", leftOut: [] };
    }
    return {
      ...{ codeTree: code.tree, codeRoot: code.root, gitCommit: code.commit },
      ...{ githubUrl: code.githubUrl ?? "", githubRef: code.githubRef ?? "", leftOut: [] },
      workspaceId: code.workspaceId,
    };
  }

  /** The labelled directory as it is now in the master; after its end, as it was when the workflow was created. */
  async #ofDirectory(
    workflow: WorkflowRecord,
    label: WorkflowLabel,
  ): Promise<Pick<ResolvedCode, "codeTree" | "codeRoot">> {
    const { store, snapshots, trees } = this.#deps;
    const { managingRunId } = workflow;
    const master = managingRunId === undefined ? undefined : await store.findRun(managingRunId);
    if (master === undefined) throw notFound(`Workflow ${workflow.id} has no master run.`, "no-such-run");
    const codeRoot = label.path.split("/").at(-1) ?? "";
    if (!isFinal(master.status) && master.passed.includes("running")) {
      return { codeTree: await snapshots.take(master, label.path), codeRoot };
    }
    const { codeTree } = master.spec;
    const entry = codeTree === "" ? undefined : await trees.find(codeTree, label.path);
    if (entry?.kind !== "directory") throw notFound(`Workflow ${workflow.id} kept no code for "${label.label}".`);
    return { codeTree: await trees.wrap(codeRoot, entry.digest), codeRoot };
  }
}
