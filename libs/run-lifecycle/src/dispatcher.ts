/** The scheduling loop: gives waiting runs to agents with free slots. One pass at a time; a kick during a pass means one more. */
import { randomBytes } from "node:crypto";
import { machineTypeKey } from "@spell/domain";
import type { RunRecord, RunStore } from "@spell/run-store";
import type { AgentCapacity, WaitingRun } from "@spell/scheduling";
import { place, requestedSlots, waitReason } from "@spell/scheduling";
import type { AgentSessions } from "./agent-sessions.ts";
import { decide } from "./change-run.ts";
import { avoidedAgents, waitingReason } from "./retries.ts";
import type { RunChanges } from "./run-changes.ts";

/** Runs of one line looked at in one pass; those behind them wait for the next. */
const LINE_WINDOW = 250;
/** Further in front than that a run's place in its line is not counted. */
const COUNTED = 1_000;
/** Looked at again at least so often while runs wait for a time: clocks are set. */
const LOOK_AGAIN_MS = 30_000;

export interface DispatcherDeps {
  store: RunStore;
  sessions: AgentSessions;
  changes: RunChanges;
  now: () => number;
  onError(error: unknown): void;
}

export class Dispatcher {
  readonly #deps: DispatcherDeps;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** Until a run that waits for a time need wait no longer. */
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
  }

  /** Something changed that may let a run start: a new run, a free slot, a new agent. */
  kick(): void {
    this.#again = true;
    if (this.#running !== undefined || this.#stopped) return;
    this.#running = this.#loop().finally(() => {
      this.#running = undefined;
      // A kick that came between the loop's last look and here found it still running.
      if (this.#again) this.kick();
    });
  }

  /** Ends after the pass under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    clearTimeout(this.#timer);
  }

  /** Resolves once nothing is under way that was decided on before. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Why a waiting run waits, as sentences. */
  async explain(run: RunRecord): Promise<string> {
    const { store, now } = this.#deps;
    const before = waitingReason(run, now());
    if (run.notBeforeMs !== undefined && now() < run.notBeforeMs) return before;
    const agents = await this.#capacities();
    const queue = await store.listQueued(COUNTED, now());
    const known = new Set(agents.flatMap((agent) => agent.machineTypes.map((type) => machineTypeKey(type.name))));
    const line = (each: RunRecord): string =>
      each.runType === "workflow" ? "" : requestedSlots(each.spec.machineType, known).key;
    const sameLine = (other: RunRecord): boolean => other.id < run.id && line(other) === line(run);
    const why = waitReason(toWaiting(run), agents, queue.filter(sameLine).length);
    return before === "" ? why : `${before} ${why}`;
  }

  async #loop(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#pass();
      } catch (error) {
        this.#deps.onError(error);
      }
    }
  }

  async #pass(): Promise<void> {
    const { store, sessions, now } = this.#deps;
    await this.#setTimer();
    const queue = await store.listQueued(LINE_WINDOW, now());
    if (queue.length === 0) return;
    const agents = await this.#capacities();
    const waiting = await Promise.all(
      queue.map(async (run) => toWaiting(run, await this.#inputHolders(run), await this.#failedAt(run))),
    );
    const assignments = place(waiting, agents);
    const byId = new Map(queue.map((run) => [run.id, run]));
    await Promise.all(
      assignments.map(async ({ runId, agentId, slots }) => {
        const run = byId.get(runId);
        if (run !== undefined) await this.#assign(run, agentId, slots);
      }),
    );
    // Where a whole window found places there may be more of them.
    if (assignments.length >= LINE_WINDOW) this.#again = true;
    for (const agentId of new Set(assignments.map((assignment) => assignment.agentId))) sessions.find(agentId)?.push();
  }

  /** Wakes when the first of the runs that wait for a time may go on. */
  async #setTimer(): Promise<void> {
    const { store, now } = this.#deps;
    const nowMs = now();
    const nextMs = await store.nextQueuedAtMs(nowMs);
    clearTimeout(this.#timer);
    if (nextMs === undefined || this.#stopped) return;
    this.#timer = setTimeout(() => this.kick(), Math.min(LOOK_AGAIN_MS, nextMs - nowMs));
  }

  async #assign(run: RunRecord, agentId: string, slots: number[]): Promise<void> {
    const atMs = this.#deps.now();
    const decision = decide(run, { type: "assigned" }, atMs);
    if (decision.kind !== "change" || !decision.effects.includes("begin-attempt")) return;
    const leaseToken = randomBytes(16).toString("hex");
    const attempt = { number: run.attempt + 1, agentId, leaseToken, slots, atMs };
    // Undefined: it was cancelled between the look and the write. The guard makes that harmless.
    const assigned = await this.#deps.store.updateRun(run.id, run.version, { ...decision.change, attempt });
    if (assigned !== undefined) this.#deps.changes.publish(assigned);
  }

  async #capacities(): Promise<AgentCapacity[]> {
    const held = await this.#deps.store.listHeld();
    const taken = Map.groupBy(held, (run) => run.agentId ?? "");
    return this.#deps.sessions.present().map((session) => ({
      agentId: session.agentId,
      draining: !this.#deps.sessions.takesRuns(session.agentId),
      takesNothing: session.takesNothing,
      machineTypes: session.machineTypes,
      controlSlots: session.controlSlots,
      taken: (taken.get(session.agentId) ?? []).map((run) => ({
        machineType: run.spec.machineType,
        master: run.runType === "workflow",
        slots: run.slots,
      })),
    }));
  }

  /** Agents that made the run's inputs still have them in their cache. */
  async #inputHolders(run: RunRecord): Promise<string[]> {
    const holders: string[] = [];
    for (const mount of run.spec.mounts) {
      const source = await this.#deps.store.findRun(Number(/^runs\/(\d+)/.exec(mount.resource)?.[1]));
      if (source?.agentId !== undefined) holders.push(source.agentId);
    }
    return holders;
  }

  /** Agents where it was tried and something else than its command ended it. */
  async #failedAt(run: RunRecord): Promise<string[]> {
    return run.attempt === 0 ? [] : avoidedAgents(await this.#deps.store.listAttempts(run.id));
  }
}

function toWaiting(run: RunRecord, preferredAgents: string[] = [], avoidedAgents: string[] = []): WaitingRun {
  const { machineType } = run.spec;
  return { runId: run.id, machineType, master: run.runType === "workflow", preferredAgents, avoidedAgents };
}
