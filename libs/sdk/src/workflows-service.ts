/** `client.workflows`: a master run that launches worker runs, and the labels of the directories it hands them. */
import { randomUUID } from "node:crypto";
import { SpellError } from "@spell/domain";
import type { CreateWorkflowRequest, Workflow as WorkflowRecord, WorkflowLabel } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";
import { Run } from "./run.ts";
import type { Code, CommandRequest } from "./run-request.ts";
import { FETCH_DEADLINE_MS, toRunSpec } from "./run-request.ts";

/** What worker runs get as their code by `commitLabel`. */
export type LabelRequest = { label: string } & (
  | {
      /** A directory of the master run, relative to `/spell`, as it is when a worker asks for it. */
      path: string;
    }
  | {
      /** Code that is settled now. */
      code: Code;
    }
  | {
      /** Any git URL, fetched now at `githubRef` (default: the default branch). */
      githubUrl: string;
      githubRef?: string;
    }
);

export interface WorkflowRequest extends CommandRequest {
  labels?: readonly LabelRequest[];
}

/** A workflow whose master is a program of the user's own, on any machine. */
export interface LocalWorkflowRequest {
  /** None of them a directory of the master run. */
  labels?: readonly LabelRequest[];
  /** As of a run. */
  clientKey?: string;
}

/** A workflow as the coordinator knew it when it was asked. */
export interface Workflow {
  id: number;
  /** Undefined: the master is no run. */
  managingRun?: Run;
  labels: readonly WorkflowLabel[];
  /** Its worker runs so far. */
  runIds: readonly number[];
}

export class WorkflowsService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Creates the workflow and queues its master run. Safe against restarts, as `runs.create`. */
  async create(request: WorkflowRequest, options: CallOptions = {}): Promise<Workflow & { managingRun: Run }> {
    const { labels = [], clientKey = randomUUID(), ...rest } = request;
    const message = { spec: toRunSpec(rest, undefined), labels: labels.map(toLabel), clientKey, local: false };
    const workflow = await this.#create(message, options);
    const { managingRun } = workflow;
    if (managingRun === undefined) throw new SpellError("internal", "The coordinator answered without a run.");
    return { ...workflow, managingRun };
  }

  /** Creates a workflow without a master run: runs join it by their `workflowId`. Safe against restarts. */
  async createLocal(request: LocalWorkflowRequest = {}, options: CallOptions = {}): Promise<Workflow> {
    const { labels = [], clientKey = randomUUID() } = request;
    return this.#create({ spec: undefined, labels: labels.map(toLabel), clientKey, local: true }, options);
  }

  /** Hides the workflow and its runs. Throws `conflict` while one of them has not ended. */
  async archive(workflowId: number, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.workflows;
    await this.#connection.unary(client.archiveWorkflow.bind(client), { workflowId }, options);
  }

  /** Throws `not-found`. */
  async get(workflowId: number, options: CallOptions = {}): Promise<Workflow> {
    const client = this.#connection.workflows;
    const { workflow } = await this.#connection.unary(client.getWorkflow.bind(client), { workflowId }, options);
    return this.#toWorkflow(workflow);
  }

  /** Stops every run of it, the master first. */
  async stop(workflowId: number, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.workflows;
    await this.#connection.unary(client.stopWorkflow.bind(client), { workflowId }, options);
  }

  /** Kills every run of it, the master first. */
  async kill(workflowId: number, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.workflows;
    await this.#connection.unary(client.killWorkflow.bind(client), { workflowId }, options);
  }

  async #create(message: CreateWorkflowRequest, options: CallOptions): Promise<Workflow> {
    const client = this.#connection.workflows;
    const fetches = message.labels.some(({ githubUrl }) => githubUrl !== "") || message.spec?.githubUrl;
    const patience = fetches ? { deadlineMs: FETCH_DEADLINE_MS } : {};
    const { workflow } = await this.#connection.unary(client.createWorkflow.bind(client), message, {
      ...patience,
      ...options,
    });
    return this.#toWorkflow(workflow);
  }

  #toWorkflow(record: WorkflowRecord | undefined): Workflow {
    if (record === undefined) throw new SpellError("internal", "The coordinator answered without a workflow.");
    const { id, managingRun, labels, runIds } = record;
    return { id, managingRun: managingRun && new Run(this.#connection, managingRun), labels, runIds };
  }
}

function toLabel(request: LabelRequest): WorkflowLabel {
  const none = { path: "", codeTree: "", codeRoot: "", gitCommit: "", githubUrl: "", githubRef: "" };
  const { label } = request;
  if ("path" in request) return { ...none, label, path: request.path };
  if ("githubUrl" in request)
    return { ...none, label, githubUrl: request.githubUrl, githubRef: request.githubRef ?? "" };
  const { tree, root, gitCommit = "" } = request.code;
  return { ...none, label, codeTree: tree, codeRoot: root, gitCommit };
}
