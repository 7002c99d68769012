/** `client.projects`: what runs are gathered in. */
import type { Project as ProjectMessage } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";

export interface Project {
  id: number;
  owner: string;
  name: string;
  description: string;
  createdAt: Date;
  updatedAt: Date;
  /** Absent: it is in use. */
  archivedAt?: Date;
  /** Runs in it that are not archived, and how many of them have not ended. */
  totalRunCount: number;
  activeRunCount: number;
  /** Of their commands together, up to now where one has not ended. */
  totalRuntimeMs: number;
}

export class ProjectsService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Throws `already-exists` when there is one of that name, letter case ignored and archived ones too. */
  async create(
    project: { name: string; description?: string; runIds?: readonly number[] },
    options: CallOptions = {},
  ): Promise<Project> {
    const { projects } = this.#connection;
    const { name, description = "", runIds = [] } = project;
    const request = { name, description, runIds: [...runIds] };
    return toProject((await this.#connection.unary(projects.createProject.bind(projects), request, options)).project);
  }

  /** Throws `not-found`. */
  async get(projectId: number, options: CallOptions = {}): Promise<Project> {
    const { projects } = this.#connection;
    return toProject(
      (await this.#connection.unary(projects.getProject.bind(projects), { projectId }, options)).project,
    );
  }

  /** In order of name: those in use, or those archived. */
  async list({ archived = false, ...options }: CallOptions & { archived?: boolean } = {}): Promise<Project[]> {
    const { projects } = this.#connection;
    const answer = await this.#connection.unary(projects.listProjects.bind(projects), { archived }, options);
    return answer.projects.map(toProject);
  }

  /** The one in use (or archived) of this name, letter case ignored. */
  async find(name: string, options: CallOptions & { archived?: boolean } = {}): Promise<Project | undefined> {
    const key = keyOf(name);
    return (await this.list(options)).find((project) => keyOf(project.name) === key);
  }

  /** What is left out stays as it is. */
  async edit(
    projectId: number,
    change: { name?: string; description?: string },
    options: CallOptions = {},
  ): Promise<Project> {
    const { projects } = this.#connection;
    const { name, description } = change;
    const request = { projectId, name, description };
    return toProject((await this.#connection.unary(projects.editProject.bind(projects), request, options)).project);
  }

  /** Takes it out of the list; its runs stay in it. */
  async archive(projectId: number, options: CallOptions = {}): Promise<void> {
    const { projects } = this.#connection;
    await this.#connection.unary(projects.archiveProject.bind(projects), { projectId }, options);
  }

  async unarchive(projectId: number, options: CallOptions = {}): Promise<void> {
    const { projects } = this.#connection;
    await this.#connection.unary(projects.unarchiveProject.bind(projects), { projectId }, options);
  }

  /** All or none. Throws `conflict` for a run that is in another project. */
  async addRuns(projectId: number, runIds: readonly number[], options: CallOptions = {}): Promise<void> {
    const { projects } = this.#connection;
    const request = { projectId, runIds: [...runIds] };
    await this.#connection.unary(projects.addProjectRuns.bind(projects), request, options);
  }

  /** All or none. Throws `conflict` for a run that is not in the project. */
  async removeRuns(projectId: number, runIds: readonly number[], options: CallOptions = {}): Promise<void> {
    const { projects } = this.#connection;
    const request = { projectId, runIds: [...runIds] };
    await this.#connection.unary(projects.removeProjectRuns.bind(projects), request, options);
  }
}

function keyOf(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function toProject(message: ProjectMessage | undefined): Project {
  if (message === undefined) throw new Error("the coordinator answered without a project");
  const { createdAtMs, updatedAtMs, archivedAtMs, ...project } = message;
  const archivedAt = archivedAtMs === 0 ? undefined : new Date(archivedAtMs);
  return { ...project, createdAt: new Date(createdAtMs), updatedAt: new Date(updatedAtMs), archivedAt };
}
