/**
 * The agent's side of the sync stream. It reports its whole state whenever something changes and at least as often as the
 * coordinator wants, does what the answers say, and opens the stream again for as long as it lives.
 */
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import type { SpellError } from "@spell/domain";
import type { Logger } from "@spell/logging";
import type { EventBusAddress, MachineTypeSlots, SyncRequest, SyncResponse } from "@spell/rpc";
import { fromServiceError } from "@spell/rpc";
import { randomUUID } from "node:crypto";
import type { Attempts } from "./attempts.ts";
import type { CoordinatorClient } from "./coordinator-client.ts";
import type { Repairs } from "./repairs.ts";
import type { Room } from "./room.ts";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** Longer than the coordinator takes to notice that an agent is lost. */
const IN_USE_FOR_MS = 20_000;
/** How long a change that nobody waits for is kept back: for short runs the next one comes within, and each report costs a commit. */
const UNHURRIED_MS = 20;

export interface SessionOptions {
  client: CoordinatorClient;
  attempts: Attempts;
  repairs: Repairs;
  bootId: string;
  version: string;
  machineTypes: MachineTypeSlots[];
  controlSlots: number;
  room: Pick<Room, "lessen" | "takesNothing">;
  log: Logger;
  /** The coordinator says where the event bus is; called before the first attempt is resumed and at every change. */
  onEventBus(address: EventBusAddress): void;
  /** The coordinator names all coordinators of its farm; called when it does, which it does in every answer. */
  onCoordinators(addresses: readonly string[]): void;
  /** The first answer has come. */
  onConnected(): void;
  /** The coordinator refuses this agent for good. */
  onRefused(error: SpellError): void;
}

export class Session {
  readonly #options: SessionOptions;
  #call: ClientDuplexStream<SyncRequest, SyncResponse> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reportTimer: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #reportEveryMs = 5_000;
  #unhurriedTimer: NodeJS.Timeout | undefined;
  #scheduled = false;
  /** Tells the coordinator this process from another one with the same data folder. */
  readonly #instanceId = randomUUID();
  /** Since when another process was connected in this one's stead. */
  #inUseSinceMs: number | undefined;
  #machineTypes: MachineTypeSlots[];
  #draining = false;
  #reclaimed = false;
  #stopped = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#machineTypes = options.machineTypes;
  }

  start(): void {
    const { client } = this.#options;
    const call = client.agents.sync(client.metadata());
    this.#call = call;
    call.on("data", (response: SyncResponse) => this.#receive(response));
    call.on("error", (error: ServiceError) => this.#lost(call, error));
    call.on("end", () => this.#lost(call));
    this.#send();
  }

  /** Ends the stream and opens it anew. */
  reopen(): void {
    this.#call?.cancel();
  }

  /** Has these machine types from now on. */
  offer(machineTypes: MachineTypeSlots[]): void {
    this.#machineTypes = machineTypes;
    this.changed();
  }

  /** Takes nothing new from now on. */
  drain(): void {
    this.#draining = true;
    this.changed();
  }

  /** The machine is being taken away: takes nothing new, and says so. */
  reclaim(): void {
    this.#reclaimed = true;
    this.drain();
  }

  /** Reports within milliseconds, best together with what comes next. */
  changedUnhurried(): void {
    this.#unhurriedTimer ??= setTimeout(() => this.changed(), UNHURRIED_MS);
  }

  /** Reports at once; many changes of one moment make one report. */
  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#reportTimer);
    clearTimeout(this.#unhurriedTimer);
    this.#call?.end();
    this.#call?.cancel();
  }

  #send(): void {
    clearTimeout(this.#reportTimer);
    clearTimeout(this.#unhurriedTimer);
    this.#unhurriedTimer = undefined;
    if (this.#stopped || this.#call === undefined) return;
    const { bootId, version, controlSlots, attempts, room } = this.#options;
    this.#call.write({
      bootId,
      version,
      instanceId: this.#instanceId,
      machineTypes: room.lessen(this.#machineTypes),
      controlSlots,
      draining: this.#draining,
      reclaimed: this.#reclaimed,
      takesNothing: room.takesNothing,
      attempts: attempts.reports(),
    });
    this.#reportTimer = setTimeout(() => this.#send(), this.#reportEveryMs);
  }

  #receive(response: SyncResponse): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#inUseSinceMs = undefined;
    if (response.reportEveryMs > 0) this.#reportEveryMs = response.reportEveryMs;
    if (response.eventBus !== undefined) this.#options.onEventBus(response.eventBus);
    if (response.coordinators.length > 0) this.#options.onCoordinators(response.coordinators);
    this.#options.onConnected();
    this.#options.repairs.apply(response.repairs);
    // New attempts are reported as soon as they are in the journal, so that their spec is not sent again and again.
    this.#options.attempts
      .apply(response)
      .catch((error: unknown) => this.#options.log.error({ err: error }, "could not do what the coordinator asked"));
  }

  #lost(call: ClientDuplexStream<SyncRequest, SyncResponse>, error?: ServiceError): void {
    if (this.#call !== call || this.#stopped) return;
    this.#call = undefined;
    clearTimeout(this.#reportTimer);
    const cause = error && fromServiceError(error, { address: this.#options.client.address });
    if (cause !== undefined && this.#isFinal(cause)) {
      this.#options.onRefused(cause);
      return;
    }
    this.#options.log.debug({ err: cause, retryMs: this.#retryMs }, "sync stream lost");
    this.#timer = setTimeout(() => this.start(), this.#retryMs * (0.5 + Math.random()));
    this.#retryMs = Math.min(this.#options.client.longestPauseMs ?? LAST_RETRY_MS, this.#retryMs * 2);
  }

  /** Whether trying again is of no use. A process that died with its machine holds the place for a while. */
  #isFinal({ code, reason }: SpellError): boolean {
    if (reason !== "agent-in-use") return code === "unauthenticated" || code === "forbidden";
    this.#inUseSinceMs ??= performance.now();
    return performance.now() - this.#inUseSinceMs > IN_USE_FOR_MS;
  }
}
