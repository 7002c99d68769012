/** The agents connected right now and what they last said. In memory: an agent says all again when it reconnects. */
import type { MachineTypeSlots } from "@spell/domain";
import { DEFAULT_MACHINE_TYPE, machineTypeKey } from "@spell/domain";
import type { RunStore } from "@spell/run-store";

/** One open sync stream. */
export interface AgentSession {
  agentId: string;
  machineTypes: readonly MachineTypeSlots[];
  controlSlots: number;
  draining: boolean;
  /** Attempts the agent has reported at least once, as `run/attempt`: their spec need not be sent again. */
  reported: ReadonlySet<string>;
  /** Sends the agent what it should be doing now. */
  push(): void;
}

export class AgentSessions {
  readonly #sessions = new Map<string, AgentSession>();
  readonly #declared: readonly string[];

  /** `declared`: machine types that may be asked for before any agent has them. */
  constructor(declared: readonly string[]) {
    this.#declared = [DEFAULT_MACHINE_TYPE, ...declared];
  }

  /** Takes the place of an older stream of the same agent. */
  connect(session: AgentSession): void {
    this.#sessions.set(session.agentId, session);
  }

  /** Forgets the stream, unless a newer one has taken its place. */
  disconnect(session: AgentSession): boolean {
    return this.#sessions.get(session.agentId) === session && this.#sessions.delete(session.agentId);
  }

  find(agentId: string): AgentSession | undefined {
    return this.#sessions.get(agentId);
  }

  all(): AgentSession[] {
    return [...this.#sessions.values()];
  }

  /** Types a run may ask for: declared ones and those of every agent that ever joined, in their canonical spelling. */
  async machineTypes(store: RunStore): Promise<string[]> {
    const names = new Map<string, string>();
    const agents = await store.listAgents();
    const advertised = [
      ...this.all().flatMap((each) => each.machineTypes),
      ...agents.flatMap((each) => each.machineTypes),
    ];
    for (const name of [...this.#declared, ...advertised.map((type) => type.name)]) {
      const key = machineTypeKey(name);
      if (!names.has(key)) names.set(key, name);
    }
    return [...names.values()];
  }
}

/** Key of an attempt in `reported`. */
export function attemptKey(runId: number, attempt: number): string {
  return `${runId}/${attempt}`;
}
