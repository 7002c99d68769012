/** Users: how one comes to be, logs in and out, and changes the password. */
import { SpellError, notFound } from "@spell/domain";
import type { LoginRecord, RunStore, UserRecord } from "@spell/run-store";
import type { Principal } from "../principal.ts";
import { requireOperator, requireUser } from "../principal.ts";
import { hashToken, newToken } from "../tokens.ts";
import { checkEmail, checkLabelText, checkUserName } from "./account-names.ts";
import type { LoginAttempts } from "./login-attempts.ts";
import type { Passwords } from "./passwords.ts";
import { checkPassword } from "./passwords.ts";

export interface NewUserRequest {
  userName: string;
  /** Empty: NAME@localhost. */
  email: string;
  /** Empty: the user name. */
  fullName: string;
  password: string;
}

/** Either a user name or e-mail with a password, or an access token. */
export interface LoginRequest {
  identity: string;
  password: string;
  accessToken: string;
}

export interface AccountsDeps {
  store: RunStore;
  attempts: LoginAttempts;
  passwords: Passwords;
  /** Whether anybody may make a user for themselves. */
  allowSignup: boolean;
  now(): number;
}

export class Accounts {
  readonly #deps: AccountsDeps;

  constructor(deps: AccountsDeps) {
    this.#deps = deps;
  }

  /** Makes a user for whoever asks. Throws forbidden (`no-signup`) unless the coordinator allows it. */
  async signUp(request: NewUserRequest, address: string): Promise<UserRecord> {
    if (!this.#deps.allowSignup) {
      throw new SpellError(
        "forbidden",
        'This Spell takes no sign-ups: ask its operator to make a user for you ("spell user create NAME").',
        { reason: "no-signup" },
      );
    }
    checkNewUser(request);
    // Counted as a wrong password is, so that nobody makes users by the thousand.
    await this.#deps.attempts.count({ address }, async () => false);
    return this.#create(request);
  }

  /** Makes a user for somebody else. Operators only. */
  async createUser(principal: Principal, request: NewUserRequest): Promise<UserRecord> {
    await requireOperator(principal, this.#deps.store);
    checkNewUser(request);
    return this.#create(request);
  }

  /** All users. Operators only. */
  async listUsers(principal: Principal): Promise<UserRecord[]> {
    await requireOperator(principal, this.#deps.store);
    return this.#deps.store.accounts.listUsers();
  }

  /** A session of its own for each login. Throws unauthenticated (`bad-login`), exhausted (`too-many-attempts`). */
  async logIn(request: LoginRequest, address: string): Promise<{ user: UserRecord; token: string }> {
    const { store, attempts } = this.#deps;
    let user: UserRecord | undefined;
    const { identity, password, accessToken } = request;
    const who = accessToken === "" ? { identity, address } : { address };
    const right = await attempts.count(who, async () => {
      user = accessToken === "" ? await this.#byPassword(identity, password) : await this.#byToken(accessToken);
      return user !== undefined;
    });
    if (!right || user === undefined) {
      const what = accessToken === "" ? "This user name or e-mail with this password" : "This access token";
      throw new SpellError("unauthenticated", `${what} is not known.`, { reason: "bad-login" });
    }
    const token = newToken("user");
    await store.accounts.addSession({ hash: hashToken(token), userName: user.name, createdAtMs: this.#deps.now() });
    return { user, token };
  }

  /** Ends the session of this token, if it is one: access tokens stay until they are deleted. */
  async logOut(principal: Principal, token: string): Promise<void> {
    requireUser(principal);
    await this.#deps.store.accounts.endSession(hashToken(token));
  }

  /** The user behind the principal, and whether they have a password. */
  async me(principal: Principal): Promise<LoginRecord> {
    if (principal.kind === "agent") throw new SpellError("forbidden", "An agent is no user: use a user's token.");
    const login = await this.#deps.store.accounts.findLogin(principal.userName);
    if (login === undefined) throw notFound(`There is no user ${principal.userName}.`, "no-such-user");
    return login;
  }

  /** Throws forbidden (`wrong-password`) when it is not. */
  async checkPassword(principal: Principal, password: string, address: string): Promise<void> {
    const { userName } = requireUser(principal);
    const { passwordHash } = await this.me(principal);
    if (passwordHash === undefined) throw noPassword();
    const who = { identity: userName, address };
    const right = await this.#deps.attempts.count(who, () => this.#deps.passwords.verify(password, passwordHash));
    if (!right) throw new SpellError("forbidden", "This is not your password.", { reason: "wrong-password" });
  }

  /**
   * Sets a new password; the user's other sessions end. The old one is asked for unless there is none yet. `token`: whose
   * session stays.
   */
  async changePassword(
    principal: Principal,
    change: { oldPassword: string; newPassword: string; token: string; address: string },
  ): Promise<void> {
    const { userName } = requireUser(principal);
    const { passwordHash } = await this.me(principal);
    checkPassword(change.newPassword);
    if (passwordHash !== undefined) await this.checkPassword(principal, change.oldPassword, change.address);
    await this.#setPassword(userName, change.newPassword, hashToken(change.token));
  }

  /** Sets a user's password, whatever it was; all their sessions end. Operators only. */
  async resetPassword(principal: Principal, userName: string, password: string): Promise<void> {
    await requireOperator(principal, this.#deps.store);
    checkPassword(password);
    await this.#setPassword(userName, password);
  }

  async #setPassword(userName: string, password: string, keptSession?: string): Promise<void> {
    const passwordHash = await this.#deps.passwords.hash(password);
    const done = await this.#deps.store.accounts.setPassword({ userName, passwordHash, keptSession });
    if (!done) throw notFound(`There is no user ${userName}.`, "no-such-user");
  }

  async #create(request: NewUserRequest): Promise<UserRecord> {
    const { userName: name, fullName } = request;
    const user = { name, email: emailOf(request), createdAtMs: this.#deps.now(), fullName: fullName || undefined };
    await this.#deps.store.accounts.createUser(user, await this.#deps.passwords.hash(request.password));
    return user;
  }

  async #byPassword(identity: string, password: string): Promise<UserRecord | undefined> {
    const login = await this.#deps.store.accounts.findLogin(identity);
    return (await this.#deps.passwords.verify(password, login?.passwordHash)) ? login?.user : undefined;
  }

  async #byToken(token: string): Promise<UserRecord | undefined> {
    const owner = await this.#deps.store.findToken(hashToken(token));
    return owner?.kind === "user" ? this.#deps.store.findUser(owner.userName) : undefined;
  }
}

function emailOf({ userName, email }: NewUserRequest): string {
  return email || `${userName}@localhost`;
}

function checkNewUser(request: NewUserRequest): void {
  checkUserName(request.userName);
  checkEmail(emailOf(request));
  if (request.fullName !== "") checkLabelText("A full name", request.fullName);
  checkPassword(request.password);
}

function noPassword(): SpellError {
  return new SpellError("forbidden", 'You have no password yet: set one with "spell passwd".', {
    reason: "no-password",
  });
}
