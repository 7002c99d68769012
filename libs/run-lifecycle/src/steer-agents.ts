/** What the operator does with the machines of the farm: whether they are given new runs, and that they are no longer of it. */
import { SpellError, conflict, notFound } from "@spell/domain";
import type { AgentRecord, Placement, RunStore } from "@spell/run-store";
import type { AgentSessions } from "./agent-sessions.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Principal } from "./principal.ts";
import { requireOperator, requireUser } from "./principal.ts";
import type { RunLifecycle } from "./run-lifecycle.ts";

export interface SteerAgentsDeps {
  store: RunStore;
  sessions: AgentSessions;
  dispatcher: Dispatcher;
  lifecycle: RunLifecycle;
}

export class SteerAgents {
  readonly #deps: SteerAgentsDeps;

  constructor(deps: SteerAgentsDeps) {
    this.#deps = deps;
  }

  /** By id or name. Saying it again, or of an agent that is away, is fine: it stands in the record. */
  async place(principal: Principal, agent: string, placement: Placement): Promise<void> {
    const { store, sessions, dispatcher } = this.#deps;
    await requireOperator(principal, store);
    const { id } = await this.#find(agent);
    await store.updateAgent(id, { placement });
    sessions.place(id, placement);
    dispatcher.kick();
  }

  /** Its credential dies, then its attempts end, then it is told. How many attempts that were. */
  async remove(principal: Principal, agent: string): Promise<{ name: string; runs: number }> {
    const { store, sessions, dispatcher, lifecycle } = this.#deps;
    await requireOperator(principal, store);
    const { id, name } = await this.#find(agent);
    // A pass of the scheduler may give it something until it has ended.
    sessions.place(id, "cordoned");
    if (!(await store.removeAgent(id))) throw noSuchAgent(agent);
    await dispatcher.settled();
    const runs = await lifecycle.endHeldBy(id, requireUser(principal).userName);
    sessions.find(id)?.end(agentRemoved());
    return { name, runs };
  }

  async #find(agent: string): Promise<AgentRecord> {
    const agents = await this.#deps.store.listAgents();
    const byId = agents.find(({ id }) => id === agent);
    const byName = agents.filter(({ name }) => name === agent);
    if (byId === undefined && byName.length > 1) {
      const ids = byName.map(({ id }) => id).join(", ");
      throw conflict(`${byName.length} agents are called "${agent}": give the id of one (${ids}).`, "ambiguous-agent");
    }
    const found = byId ?? byName[0];
    if (found === undefined) throw noSuchAgent(agent);
    return found;
  }
}

function noSuchAgent(agent: string): SpellError {
  return notFound(`There is no agent "${agent}": "spell agent ls" lists them.`, "no-such-agent");
}

/** What a removed agent is told, here and whenever it calls again. */
export function agentRemoved(): SpellError {
  return new SpellError(
    "unauthenticated",
    'This agent was removed from the farm by its operator. To let this machine join again, make a token with "spell agent token".',
    { reason: "agent-removed" },
  );
}
