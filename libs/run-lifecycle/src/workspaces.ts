/** Workspaces: the repositories that users take code from. */
import { SpellError, invalidInput, notFound } from "@spell/domain";
import type { RunStore, WorkspaceRecord } from "@spell/run-store";
import { nameProblem } from "@spell/spellfs";
import type { CodeRepositories } from "./code-repositories.ts";
import type { Principal } from "./principal.ts";
import { requireOwner } from "./principal.ts";

/** What is shown to people stays readable. */
const MAX_DESCRIPTION = 10_000;

export interface WorkspacesDeps {
  store: Pick<RunStore, "workspaces">;
  repositories: CodeRepositories;
  now: () => number;
}

export class Workspaces {
  readonly #deps: WorkspacesDeps;

  constructor(deps: WorkspacesDeps) {
    this.#deps = deps;
  }

  /** The workspace of the repository with this first commit, made or renamed. */
  async ensure(
    principal: Principal,
    request: { rootCommit: string; name: string; description: string },
  ): Promise<WorkspaceRecord> {
    const { userName } = requireOwner(principal);
    const { rootCommit, name, description } = request;
    if (!isCommitName(rootCommit)) {
      throw invalidInput(`"${rootCommit.slice(0, 80)}" is not the name of a commit (40 hex digits).`, "bad-commit");
    }
    checkCodeRoot(name);
    if (description.length > MAX_DESCRIPTION) {
      throw invalidInput(`The description is longer than ${MAX_DESCRIPTION} characters.`, "too-long");
    }
    const { store, now } = this.#deps;
    return store.workspaces.upsert({
      ...{ owner: userName, rootCommit: rootCommit.toLowerCase(), name, description },
      nowMs: now(),
    });
  }

  /** The same, ready to be pushed to. */
  async ensurePushable(principal: Principal, request: Parameters<Workspaces["ensure"]>[1]): Promise<WorkspaceRecord> {
    const workspace = await this.ensure(principal, request);
    await this.#deps.repositories.make(workspace.id);
    return workspace;
  }

  /** Throws not-found also for somebody else's. */
  async get(principal: Principal, id: number): Promise<WorkspaceRecord> {
    const { userName } = requireOwner(principal);
    const workspace = await this.#deps.store.workspaces.find(id);
    if (workspace?.owner !== userName) throw notFound(`There is no workspace ${id}.`, "no-such-workspace");
    return workspace;
  }

  async list(principal: Principal, filter: { name?: string }): Promise<WorkspaceRecord[]> {
    const { userName } = requireOwner(principal);
    return this.#deps.store.workspaces.list({ owner: userName, ...filter });
  }

  /** Forgets it and what was pushed. Throws forbidden for a run. Runs that were made from it keep their code. */
  async remove(principal: Principal, id: number): Promise<void> {
    await this.get(principal, id);
    if (principal.kind !== "user") throw new SpellError("forbidden", "A run cannot remove a workspace.");
    await this.#deps.store.workspaces.remove(id);
    await this.#deps.repositories.remove(id);
  }
}

/** Whether this is the whole name of a commit, in hex. */
export function isCommitName(text: string): boolean {
  return /^[0-9a-f]{40}$/i.test(text);
}

/** Throws invalid-input unless code can lie in a folder of this name below /spell. */
export function checkCodeRoot(name: string): void {
  const why = name.toLowerCase() === ".git" ? "a run's code has no .git" : nameProblem(name);
  if (why === undefined) return;
  throw invalidInput(`Code cannot lie in a folder "${name.slice(0, 300)}": ${why}.`, "bad-code-root");
}
