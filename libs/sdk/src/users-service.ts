/** `client.users`: sessions, passwords, access tokens, public keys; and what an operator does for other users. */
import type { AccessToken as AccessTokenMessage, PublicKey as PublicKeyMessage, User as UserMessage } from "@spell/rpc";
import type { User } from "./account-service.ts";
import type { CallOptions, Connection } from "./connection.ts";

export interface AccessToken {
  name: string;
  createdAt: Date;
  /** To the minute or so; absent: never. */
  lastUsedAt?: Date;
}

export interface PublicKey {
  id: number;
  title: string;
  /** As `ssh-keygen -l` prints it. */
  fingerprint: string;
  createdAt: Date;
}

export interface NewUser {
  userName: string;
  password: string;
  /** Default: NAME@localhost. */
  email?: string;
  fullName?: string;
}

/** A user name or e-mail with its password, or an access token. */
export type Login = { identity: string; password: string } | { accessToken: string };

export class UsersService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A session with a token of its own. The client's token is not needed for it. Throws `unauthenticated`. */
  async logIn(login: Login, options: CallOptions = {}): Promise<{ user: User; token: string }> {
    const { users } = this.#connection;
    const request = { identity: "", password: "", accessToken: "", ...login };
    const answer = await this.#connection.unary(users.logIn.bind(users), request, options);
    return { user: toUser(answer.user), token: answer.token };
  }

  /** Ends the session of the client's token; an access token stays. */
  async logOut(options: CallOptions = {}): Promise<void> {
    const { users } = this.#connection;
    await this.#connection.unary(users.logOut.bind(users), {}, options);
  }

  /** The other sessions end. The old password is not looked at while there is none. */
  async changePassword(change: { oldPassword: string; newPassword: string }, options: CallOptions = {}): Promise<void> {
    const { users } = this.#connection;
    await this.#connection.unary(users.changePassword.bind(users), change, options);
  }

  /** The token is told this once. */
  async createAccessToken(name: string, options: CallOptions = {}): Promise<{ token: string; createdAt: Date }> {
    const { users } = this.#connection;
    const answer = await this.#connection.unary(users.createAccessToken.bind(users), { name }, options);
    return { token: answer.token, createdAt: new Date(answer.createdAtMs) };
  }

  /** Oldest first. */
  async listAccessTokens(options: CallOptions = {}): Promise<AccessToken[]> {
    const { users } = this.#connection;
    const answer = await this.#connection.unary(users.listAccessTokens.bind(users), {}, options);
    return answer.accessTokens.map(toAccessToken);
  }

  async deleteAccessToken(name: string, options: CallOptions = {}): Promise<void> {
    const { users } = this.#connection;
    await this.#connection.unary(users.deleteAccessToken.bind(users), { name }, options);
  }

  /** `key`: one line as OpenSSH writes it. */
  async addKey(request: { title: string; key: string }, options: CallOptions = {}): Promise<PublicKey> {
    const { users } = this.#connection;
    const { key } = await this.#connection.unary(users.addKey.bind(users), request, options);
    return toKey(key);
  }

  /** Oldest first. */
  async listKeys(options: CallOptions = {}): Promise<PublicKey[]> {
    const { users } = this.#connection;
    return (await this.#connection.unary(users.listKeys.bind(users), {}, options)).keys.map(toKey);
  }

  async deleteKey(id: number, options: CallOptions = {}): Promise<void> {
    const { users } = this.#connection;
    await this.#connection.unary(users.deleteKey.bind(users), { id }, options);
  }

  /** Operators only. */
  async create(user: NewUser, options: CallOptions = {}): Promise<User> {
    const { users } = this.#connection;
    const request = { ...user, email: user.email ?? "", fullName: user.fullName ?? "" };
    return toUser((await this.#connection.unary(users.createUser.bind(users), request, options)).user);
  }

  /** In order of name. Operators only. */
  async list(options: CallOptions = {}): Promise<User[]> {
    const { users } = this.#connection;
    return (await this.#connection.unary(users.listUsers.bind(users), {}, options)).users.map(toUser);
  }

  /** All sessions of the user end. Operators only. */
  async resetPassword(reset: { userName: string; newPassword: string }, options: CallOptions = {}): Promise<void> {
    const { users } = this.#connection;
    await this.#connection.unary(users.resetPassword.bind(users), reset, options);
  }
}

/** A user as scripts see one. */
export function toUser(message: UserMessage | undefined): User {
  if (message === undefined) throw new Error("the coordinator answered without a user");
  const { userName, email, fullName, operator, createdAtMs, lastLoginAtMs } = message;
  const lastLoginAt = lastLoginAtMs === 0 ? undefined : new Date(lastLoginAtMs);
  return { userName, email, fullName, operator, createdAt: new Date(createdAtMs), lastLoginAt };
}

function toAccessToken({ name, createdAtMs, lastUsedAtMs }: AccessTokenMessage): AccessToken {
  const lastUsedAt = lastUsedAtMs === 0 ? undefined : new Date(lastUsedAtMs);
  return { name, createdAt: new Date(createdAtMs), lastUsedAt };
}

function toKey(message: PublicKeyMessage | undefined): PublicKey {
  if (message === undefined) throw new Error("the coordinator answered without a key");
  const { createdAtMs, ...key } = message;
  return { ...key, createdAt: new Date(createdAtMs) };
}
