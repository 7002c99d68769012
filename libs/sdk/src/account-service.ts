/** `client.account`: who is asking, and what the cluster offers. */
import type { Agent, MachineType } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";
import { toUser } from "./users-service.ts";

/** What an operator may say of an agent. */
export type Placement = "open" | "cordoned" | "draining";

export interface User {
  userName: string;
  email: string;
  /** The user name where none was given. */
  fullName: string;
  createdAt: Date;
  /** Absent: never, with a password or an access token. */
  lastLoginAt?: Date;
  /** May make users and set their passwords. */
  operator: boolean;
}

export class AccountService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The user behind the token. Throws `unauthenticated` for a wrong one. */
  async whoAmI(options: CallOptions = {}): Promise<User & { hasPassword: boolean }> {
    const client = this.#connection.account;
    const answer = await this.#connection.unary(client.whoAmI.bind(client), {}, options);
    return { ...toUser(answer), hasPassword: answer.hasPassword };
  }

  /** Machine types a run may ask for, with their slots. */
  async listMachineTypes(options: CallOptions = {}): Promise<MachineType[]> {
    const client = this.#connection.account;
    return (await this.#connection.unary(client.listMachineTypes.bind(client), {}, options)).machineTypes;
  }

  /** The machines of the farm, connected or not, in the order in which they joined. */
  async listAgents(options: CallOptions = {}): Promise<Agent[]> {
    const client = this.#connection.account;
    return (await this.#connection.unary(client.listAgents.bind(client), {}, options)).agents;
  }

  /**
   * Whether an agent (its id or name) is given new runs: `open`, `cordoned` (nothing new), or `draining` (nothing new, and empty in the
   * end). It stands until somebody says otherwise. For operators.
   */
  async placeAgent(agent: string, placement: Placement, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.account;
    await this.#connection.unary(client.placeAgent.bind(client), { agent, placement }, options);
  }

  /** Takes an agent out of the farm at once; its runs end as interrupted. How many that were. For operators. */
  async removeAgent(agent: string, options: CallOptions = {}): Promise<{ name: string; runs: number }> {
    const client = this.#connection.account;
    return this.#connection.unary(client.removeAgent.bind(client), { agent }, options);
  }

  /** Leaves words for whoever runs the farm, in the coordinator's log. */
  async sendFeedback(content: string, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.account;
    await this.#connection.unary(client.sendFeedback.bind(client), { content }, options);
  }

  /** A one-time token with which one agent may join. A repeated call may leave an unused token behind. */
  async createJoinToken(options: CallOptions = {}): Promise<string> {
    const client = this.#connection.account;
    return (await this.#connection.unary(client.createJoinToken.bind(client), {}, options)).joinToken;
  }
}
