/** `client.workspaces`: the repositories that code was taken from. */
import { SpellError } from "@spell/domain";
import type { Workspace as WorkspaceRecord } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";

/** A repository, known by its first commit. */
export type Workspace = Readonly<WorkspaceRecord>;

export class WorkspacesService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The workspace of the repository with this first commit, made or renamed. */
  async ensure(request: { rootCommit: string; name: string }, options: CallOptions = {}): Promise<Workspace> {
    const client = this.#connection.workspaces;
    const { workspace } = await this.#connection.unary(client.ensureWorkspace.bind(client), request, options);
    if (workspace !== undefined) return workspace;
    throw new SpellError("internal", "The coordinator answered without a workspace.");
  }

  /** By id. */
  async list(options: CallOptions & { name?: string } = {}): Promise<Workspace[]> {
    const client = this.#connection.workspaces;
    const { name = "", ...rest } = options;
    const { workspaces } = await this.#connection.unary(client.listWorkspaces.bind(client), { name }, rest);
    return workspaces;
  }

  /** Forgets it and what was pushed to it; runs keep their code. Throws `not-found`. */
  async remove(workspaceId: number, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.workspaces;
    await this.#connection.unary(client.removeWorkspace.bind(client), { workspaceId }, options);
  }
}
