/** The record of accounts in SQLite. */
import { SpellError } from "@spell/domain";
import type { AccessTokenRecord, AccountStore, LoginRecord, NewPublicKey, PublicKeyRecord } from "../accounts.ts";
import type { UserRecord } from "../records.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";
import { toUser } from "./rows.ts";

export class SqliteAccounts implements AccountStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;

  constructor(db: Statements, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  createUser(user: UserRecord, passwordHash: string): Promise<void> {
    return this.#group.write(() => {
      const { name, email, createdAtMs, fullName = "", operator = false } = user;
      const taken = (column: "name" | "email", value: string): boolean =>
        this.#db.find(`SELECT 1 FROM users WHERE ${column} = ? COLLATE NOCASE`, value) !== undefined;
      if (taken("name", name)) throw exists(`There is a user ${name} already.`, "user-name-taken");
      if (taken("email", email)) throw exists(`There is a user with the e-mail ${email} already.`, "email-taken");
      this.#db.run(
        "INSERT INTO users (name, email, created_at_ms, full_name, operator, password_hash) VALUES (?, ?, ?, ?, ?, ?)",
        ...[name, email, createdAtMs, fullName, operator ? 1 : 0, passwordHash],
      );
    });
  }

  async listUsers(): Promise<UserRecord[]> {
    return this.#db.all("SELECT * FROM users ORDER BY name").map(toUser);
  }

  async findLogin(identity: string): Promise<LoginRecord | undefined> {
    const row =
      this.#db.find("SELECT * FROM users WHERE name = ? COLLATE NOCASE", identity) ??
      this.#db.find("SELECT * FROM users WHERE email = ? COLLATE NOCASE", identity);
    return row && { user: toUser(row), passwordHash: (row["password_hash"] as string | null) ?? undefined };
  }

  setPassword(change: { userName: string; passwordHash: string; keptSession?: string }): Promise<boolean> {
    const { userName, passwordHash, keptSession = "" } = change;
    return this.#group.write(() => {
      if (this.#db.run("UPDATE users SET password_hash = ? WHERE name = ?", passwordHash, userName) === 0) return false;
      const sessions = "SELECT hash FROM user_tokens WHERE user_name = ? AND name IS NULL AND hash <> ?";
      for (const row of this.#db.all(sessions, userName, keptSession)) this.#removeToken(row["hash"] as string);
      return true;
    });
  }

  addSession({ hash, userName, createdAtMs }: { hash: string; userName: string; createdAtMs: number }): Promise<void> {
    return this.#group.write(() => {
      this.#addToken({ hash, userName, name: null, createdAtMs });
      this.#db.run("UPDATE users SET last_login_at_ms = ? WHERE name = ?", createdAtMs, userName);
    });
  }

  endSession(hash: string): Promise<boolean> {
    return this.#group.write(() => {
      if (this.#db.find("SELECT 1 FROM user_tokens WHERE hash = ? AND name IS NULL", hash) === undefined) return false;
      this.#removeToken(hash);
      return true;
    });
  }

  addAccessToken(token: { hash: string; userName: string; name: string; createdAtMs: number }): Promise<void> {
    return this.#group.write(() => {
      if (this.#accessTokenHash(token.userName, token.name) !== undefined) {
        throw exists(`You have an access token named "${token.name}" already.`, "access-token-exists");
      }
      this.#addToken(token);
    });
  }

  async listAccessTokens(userName: string): Promise<AccessTokenRecord[]> {
    return this.#db
      .all("SELECT * FROM user_tokens WHERE user_name = ? AND name IS NOT NULL ORDER BY created_at_ms, name", userName)
      .map((row) => ({
        name: row["name"] as string,
        createdAtMs: row["created_at_ms"] as number,
        lastUsedAtMs: (row["last_used_at_ms"] as number | null) ?? undefined,
      }));
  }

  removeAccessToken(userName: string, name: string): Promise<boolean> {
    return this.#group.write(() => {
      const hash = this.#accessTokenHash(userName, name);
      if (hash === undefined) return false;
      this.#removeToken(hash);
      return true;
    });
  }

  touchAccessToken(hash: string, atMs: number): Promise<void> {
    return this.#group.write(() => {
      this.#db.run("UPDATE user_tokens SET last_used_at_ms = ? WHERE hash = ? AND name IS NOT NULL", atMs, hash);
    });
  }

  addKey(key: NewPublicKey): Promise<PublicKeyRecord> {
    const { userName, title, publicKey, fingerprint, createdAtMs } = key;
    return this.#group.write(() => {
      const same = "SELECT title FROM public_keys WHERE user_name = ? AND fingerprint = ?";
      const known = this.#db.find(same, userName, fingerprint);
      if (known !== undefined) {
        throw exists(`This key is registered already, as "${String(known["title"])}".`, "key-exists");
      }
      return toKey(
        this.#db.one(
          `INSERT INTO public_keys (user_name, title, public_key, fingerprint, created_at_ms) VALUES (?, ?, ?, ?, ?)
           RETURNING *`,
          ...[userName, title, publicKey, fingerprint, createdAtMs],
        ),
      );
    });
  }

  async listKeys(userName: string): Promise<PublicKeyRecord[]> {
    return this.#db.all("SELECT * FROM public_keys WHERE user_name = ? ORDER BY id", userName).map(toKey);
  }

  async findKey(userName: string, id: number): Promise<PublicKeyRecord | undefined> {
    const row = this.#db.find("SELECT * FROM public_keys WHERE user_name = ? AND id = ?", userName, id);
    return row && toKey(row);
  }

  removeKey(userName: string, id: number): Promise<boolean> {
    return this.#group.write(
      () => this.#db.run("DELETE FROM public_keys WHERE user_name = ? AND id = ?", userName, id) > 0,
    );
  }

  #addToken(token: { hash: string; userName: string; name: string | null; createdAtMs: number }): void {
    const { hash, userName, name, createdAtMs } = token;
    this.#db.run("INSERT INTO tokens VALUES (?, 'user', ?, ?)", hash, userName, createdAtMs);
    this.#db.run("INSERT INTO user_tokens VALUES (?, ?, ?, ?, NULL)", hash, userName, name, createdAtMs);
  }

  #removeToken(hash: string): void {
    this.#db.run("DELETE FROM user_tokens WHERE hash = ?", hash);
    this.#db.run("DELETE FROM tokens WHERE hash = ?", hash);
  }

  #accessTokenHash(userName: string, name: string): string | undefined {
    const row = this.#db.find("SELECT hash FROM user_tokens WHERE user_name = ? AND name = ?", userName, name);
    return row?.["hash"] as string | undefined;
  }
}

function toKey(row: Row): PublicKeyRecord {
  return {
    id: row["id"] as number,
    userName: row["user_name"] as string,
    title: row["title"] as string,
    publicKey: row["public_key"] as string,
    fingerprint: row["fingerprint"] as string,
    createdAtMs: row["created_at_ms"] as number,
  };
}

function exists(message: string, reason: string): SpellError {
  return new SpellError("already-exists", message, { reason });
}
