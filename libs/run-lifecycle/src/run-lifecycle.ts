/** The use cases of a run's life. Handlers parse and map; everything that decides is called from here. */
import type { Effect, NonZeroExit, RunEvent, StopReason } from "@spell/domain";
import { SpellError, conflict, hasCode, invalidInput, isFinal, isRunStatus, notFound } from "@spell/domain";
import type { RunFilter, RunRecord, RunStore, WorkflowRecord } from "@spell/run-store";
import type { AgentSession, AgentSessions } from "./agent-sessions.ts";
import { attemptKey } from "./agent-sessions.ts";
import type { AttemptReport } from "./apply-report.ts";
import { decideReport, holdsLease } from "./apply-report.ts";
import { forEachRun } from "./batch.ts";
import type { Changed, Decision } from "./change-run.ts";
import { changeRun, decide } from "./change-run.ts";
import type { DesiredAttempt } from "./desired-state.ts";
import { desiredAttempts, isLost } from "./desired-state.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Leases } from "./leases.ts";
import type { Principal } from "./principal.ts";
import { mayRead, maySteer, noSuchRun, requireOwner, visibleRun } from "./principal.ts";
import type { ResumeRuns } from "./resume-runs.ts";
import type { RunChanges } from "./run-changes.ts";
import type { Snapshots } from "./snapshots.ts";
import { waitVerdict } from "./wait-status.ts";

export interface RunLifecycleDeps {
  store: RunStore;
  sessions: AgentSessions;
  changes: RunChanges;
  dispatcher: Dispatcher;
  snapshots: Snapshots;
  leases: Leases;
  resume: ResumeRuns;
  /** What a command that exits with another code than 0 makes of its run. */
  nonZeroExit: NonZeroExit;
  now(): number;
}

/** Runs in one list, unless asked otherwise, and at most. */
const DEFAULT_PAGE = 50;
const MAX_PAGE = 10_000;
/** No machine has more attempts at once. */
const MANY_REPORTS = 256;

/** What an agent has to be told of at once. */
const CONCERNS_AGENT: ReadonlySet<Effect> = new Set<Effect>(["signal-stop", "signal-kill", "end-attempt"]);

const GONE = {
  reasonCode: "process-lost",
  reason: "Its machine no longer has the run: it was interrupted there, or its files were removed.",
};

export class RunLifecycle {
  readonly #deps: RunLifecycleDeps;
  readonly #endListeners: ((run: RunRecord) => void)[] = [];

  constructor(deps: RunLifecycleDeps) {
    this.#deps = deps;
  }

  /** Calls the listener after each end of a run that was recorded here. */
  whenEnded(listener: (run: RunRecord) => void): void {
    this.#endListeners.push(listener);
  }

  /** A new run was recorded: tell and schedule. */
  created(run: RunRecord): void {
    this.#deps.changes.publish(run);
    this.#deps.dispatcher.kick();
  }

  /** Throws not-found also for somebody else's run. */
  async get(principal: Principal, runId: number): Promise<RunRecord> {
    const run = await this.#deps.store.findRun(runId);
    if (run === undefined || !mayRead(principal, run)) throw noSuchRun(runId);
    return visibleRun(principal, run);
  }

  /** The run, if it may be steered. Throws not-found, or forbidden for a run's token outside its workflow. */
  async getToSteer(principal: Principal, runId: number): Promise<RunRecord> {
    const run = await this.get(principal, runId);
    if (maySteer(principal, run)) return run;
    throw new SpellError("forbidden", `A run may change runs of its own workflow only, and run ${runId} is not of it.`);
  }

  /** Newest first, without archived ones. */
  async list(principal: Principal, filter: Omit<RunFilter, "owner">): Promise<RunRecord[]> {
    const owner = requireOwner(principal);
    const pageSize = filter.pageSize > 0 ? Math.min(filter.pageSize, MAX_PAGE) : DEFAULT_PAGE;
    const runs = await this.#deps.store.listRuns({ ...filter, owner: owner.userName, pageSize });
    return runs.map((run) => visibleRun(owner, run));
  }

  async getWorkflow(
    principal: Principal,
    workflowId: number,
  ): Promise<{ workflow: WorkflowRecord; runs: RunRecord[] }> {
    const owner = requireOwner(principal);
    const workflow = await this.#deps.store.findWorkflow(workflowId);
    const mine = workflow?.owner === owner.userName && (owner.kind === "user" || owner.workflowId === workflowId);
    if (workflow?.archivedAtMs !== undefined || workflow === undefined || !mine)
      throw notFound(`There is no workflow ${workflowId}.`, "no-such-workflow");
    const runs = await this.#deps.store.listRuns({ owner: workflow.owner, workflowId, pageSize: 100_000 });
    return { workflow, runs };
  }

  /** Stops or kills a run. Throws conflict when it has ended. */
  async request(principal: Principal, runId: number, verb: "stop" | "kill"): Promise<RunRecord> {
    const owner = requireOwner(principal);
    await this.getToSteer(owner, runId);
    const type = verb === "stop" ? "stop-requested" : "kill-requested";
    return this.#apply(runId, { type, by: owner.userName });
  }

  /** Stops a run that runs by a rule of its own. Throws conflict when it has ended. */
  async stopByRule(runId: number, reason: StopReason): Promise<RunRecord> {
    return this.#apply(runId, { type: "stop-requested", by: "a rule of its own", reason });
  }

  /**
   * Stops or kills all runs of a workflow that have not ended. First the record takes no more runs of it, so that those being made at
   * this moment are either seen here or refused; then whatever starts more, its searches and the master.
   */
  async requestWorkflow(principal: Principal, workflowId: number, verb: "stop" | "kill"): Promise<void> {
    const owner = requireOwner(principal);
    const known = await this.getWorkflow(owner, workflowId);
    const searches = await this.#openSearches(workflowId);
    const isOpen = searches.length > 0 || known.runs.some((run) => !isFinal(run.status));
    // The master of a local workflow is not ours to see: it may be about to make a run.
    const mayGrow = known.workflow.managingRunId === undefined && known.workflow.requested === undefined;
    if (!isOpen && !mayGrow) throw conflict(`Workflow ${workflowId} has already ended.`, "workflow-ended");
    const asked = await this.#deps.store.requestWorkflow(workflowId, verb, owner.userName);
    if (asked !== undefined) await this.#endWorkflow(asked);
  }

  /** Ends what the last coordinator was told to end and did not come to. */
  async endRequestedWorkflows(): Promise<void> {
    for (const workflow of await this.#deps.store.listWorkflowsToEnd()) await this.#endWorkflow(workflow);
  }

  async #endWorkflow({ id, owner, requested = "stop", managingRunId }: WorkflowRecord): Promise<void> {
    for (const search of await this.#openSearches(id)) await this.#deps.store.hyper.request(search, requested, owner);
    const runs = await this.#deps.store.listRuns({ owner, workflowId: id, pageSize: 100_000 });
    const active = runs.filter((run) => !isFinal(run.status));
    const masterFirst = active.sort(
      (left, right) => Number(right.id === managingRunId) - Number(left.id === managingRunId),
    );
    // Whether each was: one that ends by itself meanwhile is as good as stopped.
    await forEachRun(
      masterFirst.map((run) => run.id),
      (runId) => this.request({ kind: "user", userName: owner }, runId, requested),
    );
  }

  async #openSearches(workflowId: number): Promise<number[]> {
    const { hyper } = this.#deps.store;
    const open = await Promise.all((await hyper.listOpen()).map((id) => hyper.find(id)));
    return open.flatMap((search) => (search?.template.workflowId === workflowId ? [search.id] : []));
  }

  /** Holds until the run has reached one of the statuses, or never will. Resolves undefined when the signal fires. */
  async waitStatus(
    request: { principal: Principal; runId: number; statuses: readonly string[] },
    signal: AbortSignal,
  ): Promise<{ run: RunRecord; reached: boolean; message: string } | undefined> {
    const wanted = request.statuses.filter(isRunStatus);
    const unknown = request.statuses.find((status) => !isRunStatus(status));
    if (unknown !== undefined) throw invalidInput(`"${unknown}" is not a run status.`, "bad-status");
    if (wanted.length === 0) throw invalidInput("Name at least one status to wait for.", "bad-status");
    while (!signal.aborted) {
      // Armed before the look: news in between must not be missed.
      const look = new AbortController();
      const news = this.#deps.changes.next(request.runId, AbortSignal.any([signal, look.signal]));
      const run = await this.get(request.principal, request.runId).catch((error: unknown) => {
        look.abort();
        throw error;
      });
      const verdict = waitVerdict(run, wanted);
      if (verdict.kind === "wait") {
        await news;
        continue;
      }
      look.abort();
      return { run, reached: verdict.kind === "reached", message: verdict.kind === "reached" ? "" : verdict.message };
    }
    return undefined;
  }

  /** An agent said what its attempts are doing. */
  async report(agentId: string, reports: readonly AttemptReport[]): Promise<void> {
    const { leases, sessions, dispatcher } = this.#deps;
    leases.renew(agentId);
    if (sessions.hear(agentId, this.#deps.now())) dispatcher.kick();
    const known = reports.length > MANY_REPORTS ? await this.#ofHeld(agentId, reports) : reports;
    await Promise.all(known.map((report) => this.#reportOne(agentId, report)));
  }

  /** An agent may name any number of attempts: those that it does not hold are not looked up one by one. */
  async #ofHeld(agentId: string, reports: readonly AttemptReport[]): Promise<AttemptReport[]> {
    const held = new Map((await this.#deps.store.listHeld(agentId)).map((run) => [run.id, run]));
    return reports.filter((report) => {
      const run = held.get(report.runId);
      return run !== undefined && holdsLease(run, { agentId, ...report });
    });
  }

  /** What this agent should be doing. What it ran and no longer has is over. */
  async desired(session: AgentSession): Promise<DesiredAttempt[]> {
    const held = await this.#deps.store.listHeld(session.agentId);
    // An older stream of the agent knows less than the present one.
    const isPresent = this.#deps.sessions.find(session.agentId) === session;
    const lost = held.filter((run) => isPresent && isLost(run, session.reported));
    for (const run of lost) await this.#apply(run.id, { type: "lost", ...GONE });
    return desiredAttempts(
      held.filter((run) => !lost.includes(run)),
      session.reported,
    );
  }

  /** Throws stale-lease unless this agent holds this attempt. */
  async requireLease(agentId: string, lease: { runId: number; attempt: number; token: string }): Promise<RunRecord> {
    const run = await this.#deps.store.findRun(lease.runId);
    if (run === undefined || !holdsLease(run, { agentId, attempt: lease.attempt, leaseToken: lease.token })) {
      throw staleLease(lease.runId, lease.attempt);
    }
    return run;
  }

  /** Agents that count as lost since the last look: nothing new is given to them. To be asked every second. */
  noticeSilence(): string[] {
    return this.#deps.sessions.noteSilence((agentId) => this.#deps.leases.isSilent(agentId));
  }

  /** What is to be said of a run under way whose agent counts as lost, as sentences; empty while it does not. */
  explainSilence({ agentId, endedAtMs, requested }: RunRecord): string {
    const { leases } = this.#deps;
    if (agentId === undefined || endedAtMs !== undefined || !leases.isSilent(agentId)) return "";
    const [silence, left] = [leases.silenceMs(agentId), leases.leftMs(agentId)].map((ms) => Math.round(ms / 1_000));
    const told = requested === undefined ? "" : ` It is told to ${requested} it as soon as it is heard.`;
    return `Its agent was not heard for ${silence} s, and may still execute it. The run is interrupted when that lasts ${left} s more.${told}`;
  }

  /** Declares the attempts interrupted whose lease has run out. */
  async sweepLeases(): Promise<void> {
    for (const run of await this.#deps.leases.expired(this.#deps.store)) {
      const reason = `Its agent was not heard for ${Math.round(this.#deps.leases.silenceMs(run.agentId ?? "") / 1000)} s.`;
      const event: RunEvent = this.#deps.sessions.isReclaimed(run.agentId ?? "")
        ? { type: "lost", reasonCode: "machine-reclaimed", reason: "" }
        : { type: "lost", reasonCode: "agent-lost", reason };
      // Others were written before: the agent may have been heard meanwhile, or the run be on another machine.
      const isSilent = (): boolean => this.#deps.leases.leftMs(run.agentId ?? "") === 0;
      await this.#apply(run.id, event, (current) => current.attempt === run.attempt && isSilent());
    }
  }

  /** Ends the attempts of an agent that was removed. */
  async endHeldBy(agentId: string, by: string): Promise<number> {
    const held = await this.#deps.store.listHeld(agentId);
    const reason = `Its agent was removed from the farm by ${by}.`;
    const event: RunEvent = { type: "lost", reasonCode: "agent-removed", reason };
    await Promise.all(held.map((run) => this.#apply(run.id, event, ({ attempt }) => attempt === run.attempt)));
    return held.length;
  }

  async #reportOne(agentId: string, report: AttemptReport): Promise<void> {
    let isNews = false;
    const decideOn = (run: RunRecord): Promise<Decision> => {
      const rules = { nowMs: this.#deps.now(), nonZeroExit: this.#deps.nonZeroExit };
      const decision: Decision = holdsLease(run, { agentId, ...report })
        ? decideReport(run, report, rules)
        : { kind: "unchanged" };
      isNews = decision.kind === "change";
      return this.#withSuccessor(run, decision);
    };
    try {
      const changed = await changeRun(this.#deps.store, report.runId, decideOn);
      // The agent that said it gets its answer on the stream.
      if (isNews) await this.#told(changed);
    } catch (error) {
      // A run that this record does not know: the desired state will not list it and the agent drops it.
      if (!hasCode(error, "not-found")) throw error;
    }
  }

  /** `isDue`: whether it still holds of the run as it is now. */
  async #apply(
    runId: number,
    event: RunEvent,
    isDue: (current: RunRecord) => boolean = () => true,
  ): Promise<RunRecord> {
    const changed = await changeRun(this.#deps.store, runId, (current) =>
      this.#withSuccessor(current, isDue(current) ? decide(current, event, this.#deps.now()) : { kind: "unchanged" }),
    );
    const { run, effects } = changed;
    await this.#told(changed);
    if (run.agentId !== undefined && effects.some((effect) => CONCERNS_AGENT.has(effect)))
      this.#deps.sessions.find(run.agentId)?.push();
    return run;
  }

  /** Where another run is to go on for one that ends, it is made in the write that ends it: never twice, and never forgotten. */
  async #withSuccessor(run: RunRecord, decision: Decision): Promise<Decision> {
    if (decision.kind !== "change") return decision;
    return { ...decision, change: await this.#deps.resume.withSuccessor(run, decision.change) };
  }

  async #told({ run, effects }: Changed): Promise<void> {
    this.#deps.changes.publish(run);
    const successor = run.resumedAsRun === undefined ? undefined : await this.#deps.store.findRun(run.resumedAsRun);
    if (successor !== undefined && effects.includes("end-attempt")) this.created(successor);
    if (effects.includes("end-attempt")) this.#deps.snapshots.runEnded(run.id);
    if (effects.includes("release-slot")) this.#deps.dispatcher.kick();
    if (!isFinal(run.status)) return;
    for (const listener of this.#endListeners) listener(run);
  }
}

/** What an agent hears that acts for an attempt that is not, or no longer, its own. */
export function staleLease(runId: number, attempt: number): SpellError {
  return new SpellError("stale-lease", `Attempt ${attemptKey(runId, attempt)} is no longer this agent's.`);
}
