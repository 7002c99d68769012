/** One agent's sync stream: its state comes in, what it should be doing goes out whenever either changes. */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { AttemptCause, MachineTypeSlots, Phase } from "@spell/domain";
import { ATTEMPT_CAUSES, PHASES, isDigest } from "@spell/domain";
import type { AttemptReport as AttemptReportMessage, SyncRequest, SyncResponse } from "@spell/rpc";
import type { AgentSession, AttemptReport } from "@spell/run-lifecycle";
import { attemptKey } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { toAttemptSpec } from "./attempt-spec.ts";
import { serviceError } from "./handler.ts";

/** A third of the time after which a silent agent counts as lost, so two reports may get lost. */
const REPORT_EVERY_MS = 5_000;

export class AgentStream implements AgentSession {
  readonly agentId: string;
  machineTypes: readonly MachineTypeSlots[] = [];
  controlSlots = 0;
  draining = false;
  reported: ReadonlySet<string> = new Set();
  readonly #services: Services;
  readonly #call: ServerDuplexStream<SyncRequest, SyncResponse>;
  #received: Promise<void> = Promise.resolve();
  #pushing = false;
  #pushAgain = false;
  #open = true;

  constructor(services: Services, agentId: string, call: ServerDuplexStream<SyncRequest, SyncResponse>) {
    this.#services = services;
    this.agentId = agentId;
    this.#call = call;
  }

  start(): void {
    // One report after the other: a later one must not be overtaken by an earlier one.
    this.#call.on("data", (request: SyncRequest) => {
      this.#received = this.#received.then(() => this.#receive(request)).catch((error: unknown) => this.#fail(error));
    });
    this.#call.on("end", () => this.#close());
    this.#call.on("cancelled", () => this.#close());
    this.#call.on("error", () => this.#close());
  }

  push(): void {
    this.#pushAgain = true;
    if (this.#pushing) return;
    this.#pushing = true;
    this.#pushLoop()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#pushing = false;
      });
  }

  async #pushLoop(): Promise<void> {
    while (this.#pushAgain && this.#open) {
      this.#pushAgain = false;
      const response = await this.#response();
      if (this.#open) this.#call.write(response);
    }
  }

  async #response(): Promise<SyncResponse> {
    const { lifecycle, snapshots, addresses } = this.#services;
    const desired = await lifecycle.desired(this);
    return {
      attempts: desired.map(({ run, action, withSpec }) => ({
        lease: { runId: run.id, attempt: run.attempt, token: run.leaseToken ?? "" },
        action,
        spec: withSpec ? toAttemptSpec(this.#services, run) : undefined,
      })),
      snapshots: snapshots.pending(this.agentId).map((each) => ({
        snapshotId: each.id,
        lease: { runId: each.runId, attempt: each.attempt, token: each.leaseToken },
        path: each.path,
      })),
      eventBus: addresses.nats,
      reportEveryMs: REPORT_EVERY_MS,
    };
  }

  async #receive(request: SyncRequest): Promise<void> {
    const { sessions, store, lifecycle, dispatcher, log } = this.#services;
    const roomBefore = JSON.stringify([this.machineTypes, this.controlSlots, this.draining]);
    this.machineTypes = request.machineTypes;
    this.controlSlots = request.controlSlots;
    this.draining = request.draining;
    this.reported = new Set(request.attempts.map(({ lease }) => attemptKey(lease?.runId ?? 0, lease?.attempt ?? 0)));
    const room = JSON.stringify([this.machineTypes, this.controlSlots, this.draining]);
    if (sessions.find(this.agentId) !== this) {
      sessions.connect(this);
      log.info({ agentId: this.agentId, machineTypes: this.machineTypes }, "agent connected");
    }
    await lifecycle.report(this.agentId, request.attempts.flatMap(toReport));
    if (room !== roomBefore) {
      await store.updateAgent(this.agentId, {
        machineTypes: [...this.machineTypes],
        lastSeenAtMs: this.#services.now(),
      });
      dispatcher.kick();
    }
    this.push();
  }

  #fail(error: unknown): void {
    this.#call.emit("error", serviceError(this.#services, error));
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#services.sessions.disconnect(this))
      this.#services.log.info({ agentId: this.agentId }, "agent disconnected");
    this.#call.end();
  }
}

/** Anything malformed is left out: the agent is told again what it should do and reports again. */
function toReport(message: AttemptReportMessage): AttemptReport[] {
  const { lease, history, result } = message;
  if (lease === undefined) return [];
  const phases = history.flatMap(({ phase, atMs }) => (isPhase(phase) ? [{ phase, atMs }] : []));
  const report: AttemptReport = {
    runId: lease.runId,
    attempt: lease.attempt,
    leaseToken: lease.token,
    history: phases,
  };
  if (result !== undefined && isCause(result.cause)) {
    report.result = {
      exitCode: result.exitCode,
      cause: result.cause,
      reasonCode: result.reasonCode || undefined,
      reason: result.reason || undefined,
      outputTree: isDigest(result.outputTree) ? result.outputTree : undefined,
      logEntries: result.logEntries,
    };
  }
  return [report];
}

function isPhase(text: string): text is Phase {
  return (PHASES as readonly string[]).includes(text);
}

function isCause(text: string): text is AttemptCause {
  return (ATTEMPT_CAUSES as readonly string[]).includes(text);
}
