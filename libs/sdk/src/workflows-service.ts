/** `client.workflows`: a master run that launches worker runs, and the labels of the directories it hands them. */
import { randomUUID } from "node:crypto";
import { SpellError } from "@spell/domain";
import type { Workflow as WorkflowRecord, WorkflowLabel } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";
import { Run } from "./run.ts";
import type { CommandRequest } from "./run-request.ts";
import { toRunSpec } from "./run-request.ts";

export interface WorkflowRequest extends CommandRequest {
  /** Directories of the code that worker runs get by `commitLabel`; paths relative to `/spell`. */
  labels?: readonly WorkflowLabel[];
}

/** A workflow as the coordinator knew it when it was asked. */
export interface Workflow {
  id: number;
  managingRun: Run;
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
  async create(request: WorkflowRequest, options: CallOptions = {}): Promise<Workflow> {
    const client = this.#connection.workflows;
    const { labels = [], clientKey = randomUUID(), ...rest } = request;
    const message = { spec: toRunSpec(rest, undefined), labels: [...labels], clientKey };
    const { workflow } = await this.#connection.unary(client.createWorkflow.bind(client), message, options);
    return this.#toWorkflow(workflow);
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

  #toWorkflow(record: WorkflowRecord | undefined): Workflow {
    if (record?.managingRun === undefined) {
      throw new SpellError("internal", "The coordinator answered without a workflow.");
    }
    const { id, managingRun, labels, runIds } = record;
    return { id, managingRun: new Run(this.#connection, managingRun), labels, runIds };
  }
}
