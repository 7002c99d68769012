/** Projects: what owners gather runs in. A run's token sees its owner's projects, so that a workflow can name one; it changes none. */
import { conflict, invalidInput, notFound } from "@spell/domain";
import type { ProjectRecord, RunStore } from "@spell/run-store";
import { checkLabelText } from "./accounts/account-names.ts";
import type { Principal } from "./principal.ts";
import { requireOwner, requireUser } from "./principal.ts";

const MAX_DESCRIPTION_CHARACTERS = 4_096;

export interface ProjectRequest {
  name: string;
  description: string;
  runIds: readonly number[];
}

export class Projects {
  readonly #store: RunStore;
  readonly #now: () => number;

  constructor(store: RunStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Throws already-exists (`project-exists`); for the runs, as `addRuns`. */
  async create(principal: Principal, request: ProjectRequest): Promise<ProjectRecord> {
    const { userName: owner } = requireUser(principal);
    const { name, description } = request;
    checkLabelText("The name of a project", name);
    checkDescription(description);
    return this.#store.projects.create({ owner, name, description, createdAtMs: this.#now() }, request.runIds);
  }

  /** Those in use, or those archived. */
  async list(principal: Principal, archived: boolean): Promise<ProjectRecord[]> {
    return this.#store.projects.list({ owner: requireOwner(principal).userName, archived, nowMs: this.#now() });
  }

  /** Throws not-found also for somebody else's. */
  async get(principal: Principal, id: number): Promise<ProjectRecord> {
    const project = await this.#store.projects.find({ owner: requireOwner(principal).userName, id }, this.#now());
    if (project === undefined) throw noSuchProject(id);
    return project;
  }

  /** Undefined: as it is. Throws already-exists (`project-exists`). */
  async edit(
    principal: Principal,
    id: number,
    change: { name?: string; description?: string },
  ): Promise<ProjectRecord> {
    if (change.name !== undefined) checkLabelText("The name of a project", change.name);
    if (change.description !== undefined) checkDescription(change.description);
    return this.#update(principal, id, change);
  }

  /** Takes it out of the list; its runs stay in it. Throws conflict (`project-archived`) when it is. */
  async archive(principal: Principal, id: number): Promise<ProjectRecord> {
    const { archivedAtMs } = await this.get(requireUser(principal), id);
    if (archivedAtMs !== undefined) throw conflict(`Project ${id} is archived already.`, "project-archived");
    return this.#update(principal, id, { archivedAtMs: this.#now() });
  }

  /** Throws conflict (`project-not-archived`) when it is not. */
  async unarchive(principal: Principal, id: number): Promise<ProjectRecord> {
    const { archivedAtMs } = await this.get(requireUser(principal), id);
    if (archivedAtMs === undefined) throw conflict(`Project ${id} is not archived.`, "project-not-archived");
    return this.#update(principal, id, { archivedAtMs: null });
  }

  /** All or none. Throws not-found (`no-such-run`), conflict (`run-in-project`, `project-archived`). */
  async addRuns(principal: Principal, id: number, runIds: readonly number[]): Promise<void> {
    const { userName: owner } = requireUser(principal);
    await requireProjectInUse(this.#store, owner, id);
    await this.#store.projects.addRuns({ owner, id }, runIds);
  }

  /** All or none. Throws not-found (`no-such-run`), conflict (`run-not-in-project`). */
  async removeRuns(principal: Principal, id: number, runIds: readonly number[]): Promise<void> {
    const { userName: owner } = requireUser(principal);
    await this.get(principal, id);
    await this.#store.projects.removeRuns({ owner, id }, runIds);
  }

  async #update(
    principal: Principal,
    id: number,
    change: { name?: string; description?: string; archivedAtMs?: number | null },
  ): Promise<ProjectRecord> {
    const { userName: owner } = requireUser(principal);
    const done = await this.#store.projects.update({ owner, id }, { ...change, updatedAtMs: this.#now() });
    if (!done) throw noSuchProject(id);
    return this.get(principal, id);
  }
}

/** A project that runs may be put into. Throws not-found (`no-such-project`), conflict (`project-archived`). */
export async function requireProjectInUse(store: RunStore, owner: string, id: number): Promise<void> {
  const project = await store.projects.find({ owner, id }, 0);
  if (project === undefined) throw noSuchProject(id);
  if (project.archivedAtMs !== undefined) {
    throw conflict(
      `Project "${project.name}" is archived: take it back before you put runs into it.`,
      "project-archived",
    );
  }
}

function noSuchProject(id: number): Error {
  return notFound(`There is no project ${id}.`, "no-such-project");
}

function checkDescription(text: string): void {
  if (text.length <= MAX_DESCRIPTION_CHARACTERS && !text.includes("\0")) return;
  throw invalidInput(
    `The description of a project has at most ${MAX_DESCRIPTION_CHARACTERS} characters.`,
    "bad-description",
  );
}
