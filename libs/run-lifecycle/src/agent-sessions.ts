/** The agents connected right now and what they last said. In memory: an agent says all again when it reconnects. */
import type { MachineTypeSlots } from "@spell/domain";
import { DEFAULT_MACHINE_TYPE, conflict, machineTypeKey } from "@spell/domain";
import type { Placement, RunStore } from "@spell/run-store";

/** One open sync stream. */
export interface AgentSession {
  agentId: string;
  /** Of the agent's process: made anew at each start. Empty: it does not say. */
  instanceId: string;
  machineTypes: readonly MachineTypeSlots[];
  controlSlots: number;
  draining: boolean;
  /** Why it is, where its machine is the reason. */
  takesNothing?: string;
  /** Attempts the agent has reported at least once, as `run/attempt`: their spec need not be sent again. */
  reported: ReadonlySet<string>;
  /** Sends the agent what it should be doing now. */
  push(): void;
  /** Ends the stream, and says why. */
  end(error: Error): void;
}

/** A connected agent. */
interface Connected {
  session: AgentSession;
  /** Wall clock. */
  heardAtMs?: number;
  /** Not heard for so long that it counts as lost, though its stream is open. */
  silent: boolean;
  /** What its operator last said of it; unknown until that was read from the record. */
  placement: Placement | "unknown";
}

export class AgentSessions {
  readonly #connected = new Map<string, Connected>();
  readonly #declared: readonly string[];
  /** Whose machines were being taken away when they were heard last, connected or not. */
  readonly #reclaimed = new Set<string>();

  /** `declared`: machine types that may be asked for before any agent has them. */
  constructor(declared: readonly string[]) {
    this.#declared = [DEFAULT_MACHINE_TYPE, ...declared];
  }

  /**
   * Takes the place of an older stream of the same agent. Throws conflict (`agent-in-use`) when that one belongs to another
   * process that lives: it was heard lately, and its stream has not ended, as it does when a process dies.
   */
  connect(session: AgentSession, placement: Placement | "unknown" = "open"): void {
    const present = this.#connected.get(session.agentId);
    if (present !== undefined && !present.silent && present.session.instanceId !== session.instanceId) throw inUse();
    this.#connected.set(session.agentId, { session, silent: false, placement });
  }

  /** Forgets the stream, unless a newer one has taken its place. */
  disconnect(session: AgentSession): boolean {
    return this.find(session.agentId) === session && this.#connected.delete(session.agentId);
  }

  find(agentId: string): AgentSession | undefined {
    return this.#connected.get(agentId)?.session;
  }

  /** Those that may be given something: connected, and heard lately. */
  present(): AgentSession[] {
    return [...this.#connected.values()].filter(({ silent }) => !silent).map(({ session }) => session);
  }

  /** An agent was heard. True: it had been silent. */
  hear(agentId: string, atMs: number): boolean {
    const connected = this.#connected.get(agentId);
    if (connected === undefined) return false;
    const wasSilent = connected.silent;
    Object.assign(connected, { heardAtMs: atMs, silent: false });
    return wasSilent;
  }

  /** Looks who has fallen silent since the last look. */
  noteSilence(isSilent: (agentId: string) => boolean): string[] {
    const fallen = [...this.#connected].filter(([agentId, { silent }]) => !silent && isSilent(agentId));
    for (const [, connected] of fallen) connected.silent = true;
    return fallen.map(([agentId]) => agentId);
  }

  /** What the agent says of its machine: whether it is about to be gone. */
  noteReclaim(agentId: string, isReclaimed: boolean): void {
    if (isReclaimed) this.#reclaimed.add(agentId);
    else this.#reclaimed.delete(agentId);
  }

  isReclaimed(agentId: string): boolean {
    return this.#reclaimed.has(agentId);
  }

  isSilent(agentId: string): boolean {
    return this.#connected.get(agentId)?.silent ?? false;
  }

  /** What stands in the record, read after it connected. Whoever changes it since says so by `place`, and is right. */
  learn(agentId: string, placement: Placement): void {
    const connected = this.#connected.get(agentId);
    if (connected?.placement === "unknown") connected.placement = placement;
  }

  /** The operator wants it so from now on. */
  place(agentId: string, placement: Placement): void {
    const connected = this.#connected.get(agentId);
    if (connected !== undefined) connected.placement = placement;
  }

  /** Whether it is given new runs: neither it nor its operator has said otherwise. */
  takesRuns(agentId: string): boolean {
    const connected = this.#connected.get(agentId);
    return connected?.placement === "open" && !connected.silent && !connected.session.draining;
  }

  /** When it was heard last, while it is connected. */
  heardAtMs(agentId: string): number | undefined {
    return this.#connected.get(agentId)?.heardAtMs;
  }

  /** Types a run may ask for: declared ones and those of every agent that ever joined, in their canonical spelling. */
  async machineTypes(store: RunStore): Promise<string[]> {
    const names = new Map<string, string>();
    const agents = await store.listAgents();
    const advertised = [
      ...[...this.#connected.values()].flatMap(({ session }) => session.machineTypes),
      ...agents.flatMap((each) => each.machineTypes),
    ];
    for (const name of [...this.#declared, ...advertised.map((type) => type.name)]) {
      const key = machineTypeKey(name);
      if (!names.has(key)) names.set(key, name);
    }
    return [...names.values()];
  }
}

function inUse(): Error {
  return conflict(
    "Another process is connected as this agent: its data folder was copied, or works on two machines at once. Stop one of " +
      "them, or let this machine join as an agent of its own: give another folder with --data and a new join token.",
    "agent-in-use",
  );
}

/** Key of an attempt in `reported`. */
export function attemptKey(runId: number, attempt: number): string {
  return `${runId}/${attempt}`;
}
