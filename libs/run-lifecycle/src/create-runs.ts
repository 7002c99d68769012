/** Creating runs and workflows: everything is checked and resolved before the first write. */
import { isDeepStrictEqual } from "node:util";
import type { Digest, RetryRequest } from "@spell/domain";
import {
  SpellError,
  DEFAULT_MACHINE_TYPE,
  conflict,
  invalidInput,
  machineTypeKey,
  notFound,
  substituteParameters,
  toRetryPolicy,
} from "@spell/domain";
import type { CreatedRun, NewRun, RunRecord, RunSpec, RunStore, StopCondition, WorkflowRecord } from "@spell/run-store";
import { requestedSlots } from "@spell/scheduling";
import type { AgentSessions } from "./agent-sessions.ts";
import { checkRequest } from "./check-request.ts";
import { createdNotice, hintNotice, leftOutNotice } from "./notices.ts";
import type { Principal } from "./principal.ts";
import { maySteer, requireOwner } from "./principal.ts";
import { requireProjectInUse } from "./projects.ts";
import { requestHash } from "./request-hash.ts";
import type { MountRequest } from "./resolve-mounts.ts";
import type { ResolveCode, ResolvedCode } from "./resolve-code.ts";
import type { LabelRequest } from "./resolve-labels.ts";
import { resolveLabels } from "./resolve-labels.ts";
import { resolveMounts } from "./resolve-mounts.ts";
import type { TreeCatalog } from "./tree-catalog.ts";

/** A run as somebody asks for it. */
export interface RunRequest {
  command: string;
  /** Empty: CPU. */
  machineType: string;
  codeTree: Digest | "";
  codeRoot: string;
  cwd: string;
  environment: Record<string, string>;
  mounts: MountRequest[];
  description: string;
  commitLabel: string;
  /** Undefined: the workflow of the run that asks, if any. */
  workflowId?: number;
  gitCommit: string;
  /** With a workspace: the commit that holds changes which are in no commit of the user's. */
  uncommittedCommit?: string;
  labels: string[];
  /** Put into the places that the command names `:NAME:`. */
  params: Record<string, string | number>;
  /** Whole minutes. */
  timeoutMinutes?: number;
  stopConditions: StopCondition[][];
  githubUrl: string;
  githubRef: string;
  workspaceId?: number;
  projectId?: number;
  /** Undefined: it is tried once. */
  retry?: RetryRequest;
  /** A new run goes on with its files when its machine is taken away. */
  autoResume: boolean;
  /** What old scripts ask for and nothing here can heed, as they wrote it: each becomes a line of the log. */
  hints: string[];
  /** Answer a run that was asked for in the same words and did not fail, instead of making one. */
  idempotent: boolean;
}

export interface CreateRunsDeps {
  store: RunStore;
  trees: TreeCatalog;
  sessions: AgentSessions;
  code: ResolveCode;
  now: () => number;
}

export class CreateRuns {
  readonly #deps: CreateRunsDeps;

  constructor(deps: CreateRunsDeps) {
    this.#deps = deps;
  }

  /** Queues a run. Throws invalid-input for anything it cannot be run with. */
  async run(principal: Principal, request: RunRequest, clientKey: string): Promise<CreatedRun> {
    const owner = requireOwner(principal);
    const earlier = await this.#deps.store.findRunByClientKey(owner.userName, clientKey);
    if (earlier !== undefined) {
      const isOwn = maySteer(owner, earlier) && earlier.runType === "user";
      if (isOwn && asksFor(request, earlier.spec)) return { run: earlier, existed: true, reused: false };
      throw keyUsed(clientKey);
    }
    const run = await this.prepare(owner, request);
    const created = await this.#deps.store.createRun(run, clientKey, { reuse: request.idempotent });
    // Made by another call with the same key, while this one was being checked.
    if (created.existed && !asksFor(request, created.run.spec)) throw keyUsed(clientKey);
    return created;
  }

  /** The run that a request asks for, checked and resolved but not recorded. Throws invalid-input. */
  async prepare(principal: Principal, request: RunRequest): Promise<NewRun> {
    const owner = requireOwner(principal);
    const workflow = await this.#workflowOf(owner, request.workflowId);
    await this.#checkProject(owner.userName, request.projectId);
    const { cwd } = checkRequest(request);
    const machineType = await this.#machineType(request.machineType);
    const code = await this.#deps.code.ofRun(owner, request, workflow);
    const spec = await this.#spec(owner, { ...request, ...code, cwd, machineType });
    return this.#newRun(request, code, { owner: owner.userName, runType: "user", spec, workflowId: workflow?.id });
  }

  /** Creates a workflow and queues its master run. */
  async workflow(
    principal: Principal,
    request: { run: RunRequest; labels: readonly LabelRequest[] },
    clientKey: string,
  ): Promise<{ workflow: WorkflowRecord; run: RunRecord; existed: boolean }> {
    const owner = requireOwner(principal);
    const { cwd } = checkRequest(request.run);
    if (request.run.retry !== undefined || request.run.autoResume) throw masterOnce();
    // The master run only steers, whatever the cluster is made of: it always asks for the default type.
    const machineType = DEFAULT_MACHINE_TYPE;
    const code = await this.#deps.code.ofRun(owner, request.run, undefined);
    const spec = await this.#spec(owner, { ...request.run, ...code, cwd, machineType });
    const labels = await resolveLabels(this.#deps, owner, { labels: request.labels, masterTree: spec.codeTree });
    const run = this.#newRun(request.run, code, { owner: owner.userName, runType: "workflow", spec });
    return this.#deps.store.createWorkflow({ labels, run }, clientKey);
  }

  /** Creates a workflow whose master runs on the user's own machine: its labels stand for code that is settled now. */
  async localWorkflow(
    principal: Principal,
    requests: readonly LabelRequest[],
    clientKey: string,
  ): Promise<{ workflow: WorkflowRecord; existed: boolean }> {
    const owner = requireOwner(principal);
    if (owner.kind !== "user") throw new SpellError("forbidden", "A run cannot create a workflow of its own.");
    const { store, now } = this.#deps;
    const labels = await resolveLabels(this.#deps, owner, { labels: requests, masterTree: "" });
    return store.createLocalWorkflow({ owner: owner.userName, labels, createdAtMs: now() }, clientKey);
  }

  async #spec(principal: Principal, request: RunRequest): Promise<RunSpec> {
    const { codeTree, codeRoot, cwd } = request;
    if (codeTree !== "") {
      if (!(await this.#deps.trees.hasTree(codeTree))) {
        throw invalidInput(`The code tree ${codeTree} is not known: upload it first.`, "no-such-tree");
      }
      const folder = [codeRoot, cwd].filter((part) => part !== "").join("/");
      const entry = await this.#deps.trees.find(codeTree, folder);
      if (codeRoot === "" || codeRoot.includes("/") || entry?.kind !== "directory") {
        throw invalidInput(`The code has no folder "${folder}" to start in.`, "bad-cwd");
      }
    } else if (codeRoot !== "") {
      throw invalidInput("A code root was given without code.", "bad-code-root");
    }
    const mounts = await resolveMounts(this.#deps, { principal, mounts: request.mounts, codeRoot });
    return {
      command: substituteParameters(request.command, request.params),
      machineType: request.machineType,
      codeTree,
      codeRoot,
      cwd,
      environment: request.environment,
      mounts,
      description: request.description,
      commitLabel: request.commitLabel,
      gitCommit: request.gitCommit,
      params: request.params,
      timeoutMinutes: request.timeoutMinutes,
      stopConditions: request.stopConditions,
      retry: request.retry && toRetryPolicy(request.retry),
      autoResume: request.autoResume || undefined,
      githubUrl: request.githubUrl,
      githubRef: request.githubRef,
      workspaceId: request.workspaceId,
    };
  }

  #newRun(
    request: RunRequest,
    code: ResolvedCode,
    fields: Pick<NewRun, "owner" | "runType" | "spec" | "workflowId">,
  ): NewRun {
    const createdAtMs = this.#deps.now();
    const { projectId } = request;
    return {
      ...fields,
      ...{ projectId, createdAtMs },
      labels: [...new Set(request.labels)],
      requestHash: requestHash(fields.spec),
      notices: [
        createdNotice(fields.spec.machineType, createdAtMs),
        ...request.hints.map((hint) => hintNotice(hint, createdAtMs)),
        ...code.leftOut.map((text) => leftOutNotice(text, createdAtMs)),
      ],
    };
  }

  async #checkProject(owner: string, projectId: number | undefined): Promise<void> {
    if (projectId !== undefined) await requireProjectInUse(this.#deps.store, owner, projectId);
  }

  async #machineType(asked: string): Promise<string> {
    const names = await this.#deps.sessions.machineTypes(this.#deps.store);
    if (asked === "") return DEFAULT_MACHINE_TYPE;
    const exact = names.find((name) => machineTypeKey(name) === machineTypeKey(asked));
    if (exact !== undefined) return exact;
    const { key, count } = requestedSlots(asked, new Set(names.map(machineTypeKey)));
    const counted = names.find((name) => machineTypeKey(name) === key);
    if (counted !== undefined) return `${counted}x${count}`;
    throw invalidInput(`invalid machine type: ${asked} (choose from ${names.join(", ")})`, "unknown-machine-type");
  }

  async #workflowOf(
    owner: Exclude<Principal, { kind: "agent" }>,
    asked: number | undefined,
  ): Promise<WorkflowRecord | undefined> {
    const own = owner.kind === "run" ? owner.workflowId : undefined;
    const id = asked ?? own;
    if (id === undefined) return undefined;
    const workflow = await this.#deps.store.findWorkflow(id);
    if (workflow?.owner !== owner.userName || workflow.archivedAtMs !== undefined)
      throw notFound(`There is no workflow ${id}.`, "no-such-workflow");
    if (owner.kind === "run" && id !== own) {
      throw new SpellError("forbidden", `This run may add runs to its own workflow only, not to workflow ${id}.`);
    }
    return workflow;
  }
}

function masterOnce(): SpellError {
  return invalidInput(
    "The master run of a workflow is tried once and not resumed: its second life would make the workers again. Ask for both with the workers.",
    "not-offered",
  );
}

/**
 * Whether a request can be the one that this was made of. What it names may have changed meanwhile (a directory, a branch, the machine
 * types there are), so only what it says in so many words is compared.
 */
function asksFor(request: RunRequest, spec: RunSpec): boolean {
  const command = substituteParameters(request.command, request.params);
  return command === spec.command && isDeepStrictEqual(request.environment, spec.environment);
}

function keyUsed(clientKey: string): SpellError {
  return conflict(`The client key "${clientKey}" was used for another request: make a new one.`, "client-key-used");
}
