/**
 * One agent's sync stream: its state comes in, what it should be doing goes out whenever either changes. States:
 *
 * - open: nothing was received yet, the agent counts as connected through its former stream if at all;
 * - connected: from the first message on, until a newer stream of the same agent connects; refused while another process that lives
 *   is connected as this agent;
 * - closed: by either side, by an error, or because the agent still spoke here after it had connected elsewhere; final.
 */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { MachineTypeSlots } from "@spell/domain";
import { conflict } from "@spell/domain";
import type { SyncRequest, SyncResponse } from "@spell/rpc";
import type { AgentSession } from "@spell/run-lifecycle";
import { agentRemoved, attemptKey } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { toMachineTypes, toReports, toSlots } from "./agent-report.ts";
import { toAttemptSpec } from "./attempt-spec.ts";
import { serviceError } from "./handler.ts";

/** A third of the time after which a silent agent counts as lost, so two reports may get lost. */
const REPORT_EVERY_MS = 5_000;

/** Characters of what an agent says for people. */
const MOST_WORDS = 500;

export class AgentStream implements AgentSession {
  readonly agentId: string;
  instanceId = "";
  machineTypes: readonly MachineTypeSlots[] = [];
  controlSlots = 0;
  draining = false;
  takesNothing = "";
  reported: ReadonlySet<string> = new Set();
  readonly #services: Services;
  readonly #call: ServerDuplexStream<SyncRequest, SyncResponse>;
  #pushing = false;
  #pushAgain = false;
  #connected = false;
  #open = true;

  constructor(services: Services, agentId: string, call: ServerDuplexStream<SyncRequest, SyncResponse>) {
    this.#services = services;
    this.agentId = agentId;
    this.#call = call;
  }

  start(): void {
    // One report after the other, in their order; those behind it wait in the connection.
    this.#call.on("data", (request: SyncRequest) => {
      this.#call.pause();
      this.#receive(request)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => this.#call.resume());
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
        // A push that came between the loop's last look and here found it still running.
        if (this.#pushAgain && this.#open) this.push();
      });
  }

  async #pushLoop(): Promise<void> {
    while (this.#pushAgain && this.#open) {
      this.#pushAgain = false;
      const response = await this.#response();
      if (this.#open && !this.#call.write(response)) await this.#drained();
    }
  }

  /** What an agent does not read is not piled up for it: the next answer says all again. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#call.off("drain", done);
        this.#call.off("close", done);
        resolve();
      };
      this.#call.once("drain", done);
      this.#call.once("close", done);
    });
  }

  async #response(): Promise<SyncResponse> {
    const { lifecycle, snapshots, repairs, stats, addresses } = this.#services;
    const desired = await lifecycle.desired(this);
    return {
      attempts: desired.map(({ run, action, withSpec }) => ({
        lease: { runId: run.id, attempt: run.attempt, token: run.leaseToken ?? "" },
        action,
        spec: withSpec ? toAttemptSpec(this.#services, run) : undefined,
        stats: stats.wanted(run.id),
      })),
      snapshots: snapshots.pending(this.agentId).map((each) => ({
        snapshotId: each.id,
        lease: { runId: each.runId, attempt: each.attempt, token: each.leaseToken },
        path: each.path,
      })),
      repairs: repairs.pending(this.agentId).map(({ id, digests, nodes, putUrl = "" }) => {
        return { repairId: id, digests: [...digests], nodes, putUrl };
      }),
      eventBus: addresses.nats,
      reportEveryMs: REPORT_EVERY_MS,
      coordinators: addresses.all.map(({ coordinator }) => coordinator),
    };
  }

  async #receive(request: SyncRequest): Promise<void> {
    // Said before it heard of the end: taken in, it would connect a stream that has ended.
    if (!this.#open) return;
    const { sessions, store, lifecycle, stats, dispatcher, log } = this.#services;
    if (this.#connected && sessions.find(this.agentId) !== this) {
      throw conflict("A newer stream of this agent has taken the place of this one.", "stream-replaced");
    }
    const roomBefore = JSON.stringify([this.machineTypes, this.controlSlots, this.draining]);
    this.machineTypes = toMachineTypes(request.machineTypes);
    this.controlSlots = toSlots(request.controlSlots);
    this.draining = request.draining || request.takesNothing !== "";
    this.takesNothing = request.takesNothing.slice(0, MOST_WORDS);
    sessions.noteReclaim(this.agentId, request.reclaimed);
    this.instanceId = request.instanceId;
    this.reported = new Set(request.attempts.map(({ lease }) => attemptKey(lease?.runId ?? 0, lease?.attempt ?? 0)));
    const room = JSON.stringify([this.machineTypes, this.controlSlots, this.draining]);
    if (!this.#connected) {
      sessions.connect(this, "unknown");
      this.#connected = true;
      const agent = await store.findAgent(this.agentId);
      // Removed while it was connecting.
      if (agent === undefined) throw agentRemoved();
      sessions.learn(this.agentId, agent.placement);
      log.info({ agentId: this.agentId, machineTypes: this.machineTypes }, "agent connected");
    }
    const reports = toReports(request.attempts);
    await lifecycle.report(this.agentId, reports);
    stats.record(this.agentId, reports);
    if (room !== roomBefore) {
      await store.updateAgent(this.agentId, {
        machineTypes: [...this.machineTypes],
        lastSeenAtMs: this.#services.now(),
      });
      dispatcher.kick();
    }
    this.push();
  }

  end(error: Error): void {
    this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#call.emit("error", serviceError(this.#services, error));
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#disconnect();
    this.#call.end();
  }

  #disconnect(): void {
    const { sessions, store, log } = this.#services;
    const lastSeenAtMs = sessions.heardAtMs(this.agentId) ?? this.#services.now();
    if (!sessions.disconnect(this)) return;
    log.info({ agentId: this.agentId }, "agent disconnected");
    store.updateAgent(this.agentId, { lastSeenAtMs }).catch((error: unknown) =>
      // Only what people are shown.
      log.warn({ err: error, agentId: this.agentId }, "not written when the agent was last seen"),
    );
  }
}
