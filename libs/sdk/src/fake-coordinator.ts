/**
 * A coordinator for tests: the real services on a real gRPC socket, with state in memory and an object store over
 * HTTP. What a scheduler and agents would do is said by the test (`setStatus`, `print`, `finish`).
 */
import { createServer } from "node:http";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "@grpc/grpc-js";
import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import type { LogEntry, RunStatus } from "@spell/domain";
import { SpellError, invalidInput, isFinal, isRunStatus, notFound } from "@spell/domain";
import {
  AccountServiceService,
  RunServiceService,
  RunSpec,
  TreeServiceService,
  UserServiceService,
  WorkflowServiceService,
  WorkspaceServiceService,
  bearerToken,
  serverCredentials,
  serverOptions,
  toServiceError,
} from "@spell/rpc";
import type {
  Agent,
  AccountServiceServer,
  CommitTreeRequest,
  CreateRunRequest,
  CreateWorkflowRequest,
  Run,
  RunServiceServer,
  StreamLogsRequest,
  StreamLogsResponse,
  TreeServiceServer,
  UserServiceServer,
  Workflow,
  WorkflowServiceServer,
  Workspace,
  WorkspaceServiceServer,
} from "@spell/rpc";

interface RunState {
  run: Run;
  entries: LogEntry[];
}

/** Trees of these tests are small. */
function noMultipart(): never {
  throw invalidInput("This coordinator takes no objects in parts.", "not-offered");
}

type AnyUnary = ServerUnaryCall<unknown, unknown>;

/** Only this token is let in. */
export const FAKE_TOKEN = "tok-nora";

export class FakeCoordinator implements AsyncDisposable {
  /** Requests as they came, repeated ones too. */
  readonly createRunRequests: CreateRunRequest[] = [];
  readonly createWorkflowRequests: CreateWorkflowRequest[] = [];
  readonly commits: CommitTreeRequest[] = [];
  /** Offsets that log readers asked for. */
  readonly logOffsets: number[] = [];
  /** Uploaded objects by key. */
  /** Nothing of an object is read before. */
  storeOpens: Promise<void> = Promise.resolve();
  objectsBegun = 0;
  readonly objects = new Map<string, Buffer>();
  /** Calls whose next answer is lost after their effect was recorded, by name. */
  readonly loseAnswerOf = new Set<string>();
  /** All that is stored is collected once before this call takes effect, so that the code it names is gone. */
  collectBefore: "createRun" | "createWorkflow" | undefined;
  machineTypes = [
    { name: "CPU", slots: 4, freeSlots: 4 },
    { name: "V100", slots: 1, freeSlots: 0 },
  ];
  agents: Agent[] = [];
  workspaces: Workspace[] = [];
  nextRunId = 335;
  nextWorkflowId = 9;
  readonly #runs = new Map<number, RunState>();
  readonly #workflows = new Map<number, Workflow>();
  readonly #byClientKey = new Map<string, number>();
  readonly #blobs = new Set<string>();
  readonly #watchers = new Set<() => void>();
  #server: Server | undefined;
  #http: HttpServer | undefined;
  #port = 0;

  /** Started on a free port. */
  static async start(): Promise<FakeCoordinator> {
    const fake = new FakeCoordinator();
    await fake.listen();
    return fake;
  }

  /** `HOST:PORT`, the same after a restart. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get runIds(): number[] {
    return [...this.#runs.keys()];
  }

  /** Takes calls again, after `cut`. */
  async listen(): Promise<void> {
    const server = new Server(serverOptions());
    server.addService(AccountServiceService, this.#account());
    // Whatever else is asked of it is UNIMPLEMENTED.
    const users: Partial<UserServiceServer> = { logOut: this.#unary("logOut", () => ({})) };
    server.addService(UserServiceService, users as UserServiceServer);
    server.addService(RunServiceService, this.#runService());
    server.addService(WorkflowServiceService, this.#workflowService());
    server.addService(WorkspaceServiceService, this.#workspaceService());
    server.addService(TreeServiceService, this.#treeService());
    this.#port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${this.#port}`, serverCredentials(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    this.#server = server;
    if (this.#http === undefined) this.#http = await this.#serveObjects();
  }

  /** Drops every connection and listens no more, as a killed process; the state stays as on disk. */
  cut(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#watchers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    const http = this.#http;
    http?.closeAllConnections();
    await new Promise<void>((resolve) => (http === undefined ? resolve() : http.close(() => resolve())));
  }

  /** A run that exists already. */
  addRun(fields: Omit<Partial<Run>, "spec"> & { command?: string; spec?: Partial<RunSpec> } = {}): Run {
    const { command = "true", spec, ...more } = fields;
    return this.#create({ ...emptySpec(), machineType: "CPU", command, ...spec }, more);
  }

  run(id: number): Run {
    return this.#state(id).run;
  }

  /** Adds entries to a run's log. */
  print(id: number, ...entries: (Partial<LogEntry> & { text: string })[]): void {
    const status = "running";
    const whole = { atMs: 1_588_679_735_000, status, statusEvent: false, level: "", partial: false };
    for (const entry of entries) this.#state(id).entries.push({ ...whole, ...entry });
    this.#changed();
  }

  setStatus(id: number, status: RunStatus, fields: Partial<Run> = {}): void {
    Object.assign(this.#state(id).run, fields, { status });
    this.#changed();
  }

  /** How many readers and waiters are held at this moment. */
  get held(): number {
    return this.#watchers.size;
  }

  #account(): AccountServiceServer {
    return {
      whoAmI: this.#unary("whoAmI", () => ({
        ...{ userName: "nora", email: "nora@example.org", fullName: "Nora N.", createdAtMs: 1, lastLoginAtMs: 0 },
        ...{ hasPassword: false, operator: true },
      })),
      listMachineTypes: this.#unary("listMachineTypes", () => ({ machineTypes: this.machineTypes })),
      listAgents: this.#unary("listAgents", () => ({ agents: this.agents })),
      placeAgent: this.#unary("placeAgent", ({ request }) => {
        this.#agent(request.agent).placement = request.placement;
        return {};
      }),
      removeAgent: this.#unary("removeAgent", ({ request }) => {
        const { name, runs } = this.#agent(request.agent);
        this.agents.splice(0, this.agents.length, ...this.agents.filter((agent) => agent.name !== name));
        return { name, runs };
      }),
      sendFeedback: this.#unary("sendFeedback", () => ({})),
      createJoinToken: this.#unary("createJoinToken", () => ({ joinToken: "join-123" })),
    };
  }

  #agent(name: string): Agent {
    const found = this.agents.find((agent) => agent.name === name);
    if (found === undefined) throw notFound(`There is no agent "${name}".`, "no-such-agent");
    return found;
  }

  #runService(): RunServiceServer {
    return {
      createRun: this.#unary("createRun", ({ request }) => {
        this.createRunRequests.push(request);
        const known = this.#byClientKey.get(request.clientKey);
        if (known !== undefined) return { run: this.run(known), alreadyExisted: true };
        this.#collect("createRun");
        const run = this.#create(checkSpec(request.spec));
        this.#byClientKey.set(request.clientKey, run.id);
        return { run, alreadyExisted: false };
      }),
      getRun: this.#unary("getRun", ({ request }) => ({ run: this.run(request.runId) })),
      listRuns: this.#unary("listRuns", ({ request }) => {
        const { labels, repository } = request;
        const runs = [...this.#runs.values()]
          .map(({ run }) => run)
          .filter(({ spec }) => labels.length === 0 || labels.some((label) => spec?.labels.includes(label)))
          .filter(({ spec }) => repository === "" || spec?.codeRoot === repository)
          .reverse();
        return { runs: runs.slice(0, request.pageSize || 50) };
      }),
      addRunLabel: this.#unary("addRunLabel", ({ request }) => ({ run: this.#label(request.runId, [request.label]) })),
      removeRunLabel: this.#unary("removeRunLabel", ({ request }) => ({ run: this.#label(request.runId, []) })),
      archiveRun: this.#unary("archiveRun", ({ request }) => {
        const { run } = this.#state(request.runId);
        run.archivedAtMs = 2;
        return { run };
      }),
      stopRun: this.#unary("stopRun", ({ request }) => ({ run: this.#end(request.runId, "stopped") })),
      killRun: this.#unary("killRun", ({ request }) => ({ run: this.#end(request.runId, "killed") })),
      waitStatus: (call, reply) => {
        if (!this.#admitted(call, reply)) return;
        const { runId, statuses } = call.request;
        this.#watch(call, () => {
          const run = this.run(runId);
          const reached = statuses.includes(run.status);
          if (!reached && !(isRunStatus(run.status) && isFinal(run.status))) return false;
          reply(null, { run, reached, message: reached ? "" : `Run ${runId} has ended as ${run.status}.` });
          return true;
        });
      },
      streamLogs: (call) => {
        if (bearerToken(call.metadata) !== FAKE_TOKEN) {
          call.emit("error", toServiceError(badToken()));
          return;
        }
        this.logOffsets.push(call.request.offset);
        const send = this.#logSender(call.request, (message) => void call.write(message));
        this.#watch(call, () => {
          try {
            if (!send()) return false;
            call.end();
          } catch (error) {
            call.emit("error", toServiceError(error));
          }
          return true;
        });
      },
    };
  }

  /** Sends what is new, one entry a message so that a cut can fall between any two; true when all was said. */
  #logSender(request: StreamLogsRequest, write: (message: StreamLogsResponse) => void): () => boolean {
    let next = request.offset;
    return () => {
      const { entries, run } = this.#state(request.runId);
      if (next < 0) next = Math.max(0, entries.length + next);
      for (; next < entries.length; next += 1) {
        const entry = entries[next];
        if (entry !== undefined) write({ entries: [entry], nextOffset: next + 1, finished: false });
      }
      const ended = isRunStatus(run.status) && isFinal(run.status);
      if (request.follow && !ended) return false;
      write({ entries: [], nextOffset: next, finished: true });
      return true;
    };
  }

  #workflowService(): WorkflowServiceServer {
    return {
      createWorkflow: this.#unary("createWorkflow", ({ request }) => {
        this.createWorkflowRequests.push(request);
        const known = this.#byClientKey.get(request.clientKey);
        if (known !== undefined) return { workflow: this.#workflow(known) };
        this.#collect("createWorkflow");
        const managingRun = request.local ? undefined : this.#create(checkSpec(request.spec), { runType: "workflow" });
        const workflow = { id: this.nextWorkflowId++, managingRun, labels: request.labels, runIds: [] };
        this.#workflows.set(workflow.id, workflow);
        this.#byClientKey.set(request.clientKey, workflow.id);
        return { workflow };
      }),
      getWorkflow: this.#unary("getWorkflow", ({ request }) => ({ workflow: this.#workflow(request.workflowId) })),
      archiveWorkflow: this.#unary("archiveWorkflow", ({ request }) => {
        this.#workflow(request.workflowId);
        this.#workflows.delete(request.workflowId);
        return {};
      }),
      stopWorkflow: this.#unary("stopWorkflow", ({ request }) => {
        this.#end(this.#workflow(request.workflowId).managingRun?.id ?? 0, "stopped");
        return {};
      }),
      killWorkflow: this.#unary("killWorkflow", ({ request }) => {
        this.#end(this.#workflow(request.workflowId).managingRun?.id ?? 0, "killed");
        return {};
      }),
    };
  }

  #workspaceService(): WorkspaceServiceServer {
    return {
      ensureWorkspace: this.#unary("ensureWorkspace", ({ request }) => {
        const known = this.workspaces.find(({ rootCommit }) => rootCommit === request.rootCommit);
        const id = known?.id ?? this.workspaces.length + 1;
        const workspace = { id, description: "", owner: "nora", createdAtMs: 1, updatedAtMs: 1, ...request };
        this.workspaces = [...this.workspaces.filter((each) => each !== known), workspace];
        return { workspace };
      }),
      listWorkspaces: this.#unary("listWorkspaces", ({ request }) => {
        return { workspaces: this.workspaces.filter(({ name }) => request.name === "" || name === request.name) };
      }),
      removeWorkspace: this.#unary("removeWorkspace", ({ request }) => {
        const left = this.workspaces.filter(({ id }) => id !== request.workspaceId);
        if (left.length === this.workspaces.length) throw notFound("No such workspace.", "no-such-workspace");
        this.workspaces = left;
        return {};
      }),
    };
  }

  #collect(call: FakeCoordinator["collectBefore"]): void {
    if (this.collectBefore !== call) return;
    this.collectBefore = undefined;
    this.#blobs.clear();
    throw invalidInput("The code tree is not known: upload it first.", "no-such-tree");
  }

  #treeService(): TreeServiceServer {
    return {
      findMissing: this.#unary("findMissing", ({ request }) => {
        const missing = request.digests.filter((digest) => !this.#blobs.has(digest));
        const wanted = missing.length === 0 ? 0 : request.targets;
        const targets = Array.from({ length: wanted }, () => {
          const objectKey = `o/${crypto.randomUUID()}`;
          return { objectKey, putUrl: `${this.#objectUrl()}/${objectKey}` };
        });
        return { missing, targets };
      }),
      commitTree: this.#unary("commitTree", ({ request }) => {
        for (const { objectKey, sizeBytes, blobs } of request.objects) {
          if (this.objects.get(objectKey)?.length !== sizeBytes) throw invalidInput(`object ${objectKey} is not there`);
          for (const { digest } of blobs) this.#blobs.add(digest);
        }
        this.#blobs.add(request.root);
        this.commits.push(request);
        return {};
      }),
      startMultipart: this.#unary("startMultipart", noMultipart),
      presignParts: this.#unary("presignParts", noMultipart),
      listParts: this.#unary("listParts", noMultipart),
      completeMultipart: this.#unary("completeMultipart", noMultipart),
      abortMultipart: this.#unary("abortMultipart", noMultipart),
      readTree: (call) => call.emit("error", toServiceError(notFound("No such tree."))),
    };
  }

  async #serveObjects(): Promise<HttpServer> {
    const http = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("end", () => {
        this.objects.set((request.url ?? "").slice(1), Buffer.concat(chunks));
        response.end();
      });
      this.objectsBegun += 1;
      void this.storeOpens.then(() => request.on("data", (chunk: Buffer) => chunks.push(chunk)));
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    return http;
  }

  #objectUrl(): string {
    return `http://127.0.0.1:${(this.#http?.address() as AddressInfo).port}`;
  }

  #create(spec: RunSpec, fields: Partial<Run> = {}): Run {
    const run: Run = {
      id: this.nextRunId++,
      status: "machine_requested",
      reasonCode: "",
      reason: "",
      owner: "nora",
      createdAtMs: 1_588_679_735_000,
      startedAtMs: 0,
      endedAtMs: 0,
      outputTree: "",
      runType: "user",
      attempt: 0,
      agent: "",
      projectId: 0,
      hyperSearchId: 0,
      archivedAtMs: 0,
      outputsDroppedAtMs: 0,
      attempts: [],
      notBeforeMs: 0,
      resumedAsRun: 0,
      resumedFromRun: 0,
      ...fields,
      spec,
    };
    this.#runs.set(run.id, { run, entries: [] });
    return run;
  }

  #end(id: number, status: "stopped" | "killed"): Run {
    const { run } = this.#state(id);
    if (isRunStatus(run.status) && isFinal(run.status)) {
      throw new SpellError("conflict", `Run ${id} has already ended (${run.status}).`, { reason: "already-ended" });
    }
    this.setStatus(id, status);
    return run;
  }

  #label(id: number, labels: string[]): Run {
    const { run } = this.#state(id);
    run.spec = { ...(run.spec ?? emptySpec()), labels };
    return run;
  }

  #state(id: number): RunState {
    const state = this.#runs.get(id);
    if (state === undefined) throw notFound(`There is no run ${id}.`, "no-such-run");
    return state;
  }

  #workflow(id: number): Workflow {
    const workflow = this.#workflows.get(id);
    if (workflow === undefined) throw notFound(`There is no workflow ${id}.`, "no-such-workflow");
    return workflow;
  }

  #unary<Request, Response>(
    name: string,
    answer: (call: ServerUnaryCall<Request, Response>) => Response,
  ): (call: ServerUnaryCall<Request, Response>, reply: sendUnaryData<Response>) => void {
    return (call, reply) => {
      if (!this.#admitted(call, reply)) return;
      try {
        const response = answer(call);
        if (this.loseAnswerOf.delete(name))
          reply(toServiceError(new SpellError("unavailable", "The answer was lost.")));
        else reply(null, response);
      } catch (error) {
        reply(toServiceError(error));
      }
    };
  }

  #admitted<Response>(call: Pick<AnyUnary, "metadata">, reply: sendUnaryData<Response>): boolean {
    if (bearerToken(call.metadata) === FAKE_TOKEN) return true;
    reply(toServiceError(badToken()));
    return false;
  }

  /** Looks now and after every change until `done`, or until the caller goes away. */
  #watch(call: Pick<AnyUnary, "on">, done: () => boolean): void {
    if (done()) return;
    const look = (): void => {
      if (done()) this.#watchers.delete(look);
    };
    this.#watchers.add(look);
    call.on("cancelled", () => this.#watchers.delete(look));
  }

  #changed(): void {
    for (const look of [...this.#watchers]) look();
  }
}

function badToken(): SpellError {
  return new SpellError("unauthenticated", "The token is not known.", { reason: "bad-token" });
}

function emptySpec(): RunSpec {
  return RunSpec.fromPartial({});
}

function checkSpec(spec: RunSpec | undefined): RunSpec {
  if (spec === undefined || spec.command.trim() === "") throw invalidInput("The command is empty.", "empty-command");
  if (spec.machineType !== "" && !["cpu", "v100"].includes(spec.machineType.toLowerCase())) {
    throw invalidInput(`invalid machine type: ${spec.machineType} (choose from CPU, V100)`, "unknown-machine-type");
  }
  if (spec.mounts.some(({ resource }) => resource.startsWith("runs/999"))) {
    throw invalidInput(`Cannot mount resource "runs/999": not a valid resource (no such run).`, "no-such-resource");
  }
  return { ...spec, machineType: spec.machineType.toUpperCase() || "CPU" };
}
