/** The record of projects: what owners gather runs in. A run is in one project or in none. */

export interface NewProject {
  owner: string;
  name: string;
  description: string;
  createdAtMs: number;
}

export interface ProjectRecord extends NewProject {
  id: number;
  updatedAtMs: number;
  /** Absent: it is in use. */
  archivedAtMs?: number;
  /** Runs in it that are not archived, and how many of them have not ended. */
  totalRunCount: number;
  activeRunCount: number;
  /** Of their commands together, up to now where one has not ended. */
  totalRuntimeMs: number;
}

export interface ProjectChange {
  name?: string;
  description?: string;
  /** Null: in use again. */
  archivedAtMs?: number | null;
  updatedAtMs: number;
}

/** Which project: others' do not exist for an owner. */
export interface ProjectKey {
  owner: string;
  id: number;
}

/** Each method is one transaction, durable when it resolves; what they reject with besides is said in run-store.ts. */
export interface ProjectStore {
  /**
   * With these runs in it. Throws already-exists (`project-exists`) when the owner has one of that name, letter case ignored and
   * archived ones too; for the runs, as `addRuns`. Then nothing is made.
   */
  create(project: NewProject, runIds: readonly number[]): Promise<ProjectRecord>;
  /** `nowMs`: until when runs that have not ended are counted. */
  find(key: ProjectKey, nowMs: number): Promise<ProjectRecord | undefined>;
  /** In order of name, those in use or those archived. */
  list(filter: { owner: string; archived: boolean; nowMs: number }): Promise<ProjectRecord[]>;
  /** False: there is no such project. Throws already-exists (`project-exists`). */
  update(key: ProjectKey, change: ProjectChange): Promise<boolean>;
  /**
   * All of them or none. Throws not-found (`no-such-run`) for one that is not the owner's, conflict (`run-in-project`) for one
   * that is in another project. One that is in this one stays.
   */
  addRuns(key: ProjectKey, runIds: readonly number[]): Promise<void>;
  /** All of them or none. Throws not-found (`no-such-run`), conflict (`run-not-in-project`). */
  removeRuns(key: ProjectKey, runIds: readonly number[]): Promise<void>;
}
