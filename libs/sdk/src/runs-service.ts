/** `client.runs`: creates, finds and lists runs. */
import { randomUUID } from "node:crypto";
import { SpellError } from "@spell/domain";
import type { Run as RunRecord } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";
import { Run } from "./run.ts";
import type { RunRequest } from "./run-request.ts";
import { FETCH_DEADLINE_MS, toRunSpec } from "./run-request.ts";

export interface ListOptions extends CallOptions {
  /** How many, 1 to 10,000. Default 50. */
  number?: number;
  /** Only runs older than this id. */
  beforeId?: number;
  /** With any of these labels. */
  labels?: readonly string[];
  projectId?: number;
  /** With code from any of these pushed repositories. */
  workspaceIds?: readonly number[];
  /** With a code root of this name. */
  repository?: string;
}

export class RunsService {
  readonly #connection: Connection;
  readonly #workflowId: number | undefined;

  /** Made by SpellClient. */
  constructor(connection: Connection, workflowId: number | undefined) {
    this.#connection = connection;
    this.#workflowId = workflowId;
  }

  /** Queues a run; returns as soon as it is queued. Safe against restarts: a lost answer never makes a second run. */
  async create(request: RunRequest, options: CallOptions = {}): Promise<Run> {
    const client = this.#connection.runs;
    const spec = toRunSpec(request, this.#workflowId);
    const clientKey = request.clientKey ?? randomUUID();
    const call = { spec, clientKey, idempotent: request.idempotent ?? false };
    const patience = spec.githubUrl === "" ? {} : { deadlineMs: FETCH_DEADLINE_MS };
    const made = await this.#connection.unary(client.createRun.bind(client), call, { ...patience, ...options });
    const { run, alreadyExisted } = made;
    return new Run(this.#connection, present(run), alreadyExisted);
  }

  /** Throws `not-found`. */
  async get(runId: number, options: CallOptions = {}): Promise<Run> {
    const client = this.#connection.runs;
    const { run } = await this.#connection.unary(client.getRun.bind(client), { runId }, options);
    return new Run(this.#connection, present(run));
  }

  /** Newest first. */
  async list(options: ListOptions = {}): Promise<Run[]> {
    const client = this.#connection.runs;
    const request = {
      pageSize: options.number ?? 0,
      beforeId: options.beforeId ?? 0,
      labels: [...(options.labels ?? [])],
      projectId: options.projectId ?? 0,
      workspaceIds: [...(options.workspaceIds ?? [])],
      repository: options.repository ?? "",
    };
    const { runs } = await this.#connection.unary(client.listRuns.bind(client), request, options);
    return runs.map((run) => new Run(this.#connection, run));
  }
}

function present(run: RunRecord | undefined): RunRecord {
  if (run !== undefined) return run;
  throw new SpellError("internal", "The coordinator answered without a run.");
}
