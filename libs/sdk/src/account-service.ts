/** `client.account`: who is asking, and what the cluster offers. */
import type { MachineType, WhoAmIResponse } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";

/** The user behind the token. */
export interface User {
  userName: string;
  email: string;
  createdAt: Date;
}

export class AccountService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Throws `unauthenticated` for a wrong token. */
  async whoAmI(options: CallOptions = {}): Promise<User> {
    const client = this.#connection.account;
    const answer: WhoAmIResponse = await this.#connection.unary(client.whoAmI.bind(client), {}, options);
    return { userName: answer.userName, email: answer.email, createdAt: new Date(answer.createdAtMs) };
  }

  /** Machine types a run may ask for, with their slots. */
  async listMachineTypes(options: CallOptions = {}): Promise<MachineType[]> {
    const client = this.#connection.account;
    return (await this.#connection.unary(client.listMachineTypes.bind(client), {}, options)).machineTypes;
  }

  /** A one-time token with which one agent may join. A repeated call may leave an unused token behind. */
  async createJoinToken(options: CallOptions = {}): Promise<string> {
    const client = this.#connection.account;
    return (await this.#connection.unary(client.createJoinToken.bind(client), {}, options)).joinToken;
  }
}
