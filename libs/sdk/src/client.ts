/** The TypeScript SDK's front door. */
import { AccountService } from "./account-service.ts";
import { AdminService } from "./admin-service.ts";
import { loadConfiguration } from "./configuration.ts";
import type { Configuration } from "./configuration.ts";
import { Connection } from "./connection.ts";
import type { Patience } from "./connection.ts";
import { ProjectsService } from "./projects-service.ts";
import { HyperService } from "./hyper-service.ts";
import { LinksService } from "./links-service.ts";
import { ModelsService } from "./models-service.ts";
import { ResourcesService } from "./resources-service.ts";
import { RunsService } from "./runs-service.ts";
import { StorageService } from "./storage-service.ts";
import { TreesService } from "./trees-service.ts";
import { UploadsService } from "./uploads-service.ts";
import { UsersService } from "./users-service.ts";
import { WorkflowsService } from "./workflows-service.ts";
import { WorkspacesService } from "./workspaces-service.ts";

/** Talks to one coordinator as one user (or as a run of theirs). Opens no socket until the first call. */
export class SpellClient implements Disposable {
  readonly runs: RunsService;
  readonly hyper: HyperService;
  readonly workflows: WorkflowsService;
  readonly account: AccountService;
  readonly users: UsersService;
  readonly projects: ProjectsService;
  readonly workspaces: WorkspacesService;
  readonly trees: TreesService;
  readonly resources: ResourcesService;
  readonly uploads: UploadsService;
  readonly links: LinksService;
  readonly models: ModelsService;
  readonly storage: StorageService;
  readonly admin: AdminService;
  /** What it was made from, without the token. */
  readonly configuration: Readonly<Omit<Configuration, "token">>;
  readonly #connection: Connection;

  constructor(configuration: Configuration, patience: Patience = {}) {
    const { token, coordinator, owner, workflowId } = configuration;
    this.configuration = { coordinator, owner, workflowId };
    this.#connection = new Connection({ address: coordinator, token, ...patience });
    this.runs = new RunsService(this.#connection, workflowId);
    this.hyper = new HyperService(this.#connection, workflowId);
    this.workflows = new WorkflowsService(this.#connection);
    this.account = new AccountService(this.#connection);
    this.users = new UsersService(this.#connection);
    this.projects = new ProjectsService(this.#connection);
    this.workspaces = new WorkspacesService(this.#connection);
    this.trees = new TreesService(this.#connection);
    this.resources = new ResourcesService(this.#connection);
    this.uploads = new UploadsService(this.#connection, this.trees);
    this.links = new LinksService(this.#connection);
    this.models = new ModelsService(this.#connection);
    this.storage = new StorageService(this.#connection);
    this.admin = new AdminService(this.#connection);
  }

  /** From SPELL_* variables and `~/.spell/config`. Throws SpellError saying what to do when neither tells enough. */
  static fromEnvironment(patience: Patience = {}): SpellClient {
    return new SpellClient(loadConfiguration(process.env), patience);
  }

  /** Begins to connect while other things are done. Where that fails, the first call tells. */
  connect(): void {
    this.#connection.begin();
  }

  /** Closes the connection; a process with an open one does not end by itself while calls are under way. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
