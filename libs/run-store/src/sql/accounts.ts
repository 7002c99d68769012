/** The record of accounts in SQL. */
import { SpellError } from "@spell/domain";
import type { AccountStore, PublicKeyRecord } from "../accounts.ts";
import type { Database } from "./database.ts";
import { toUser } from "./rows.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";

export function accountStore(db: Database): AccountStore {
  const selectUser = (column: "name" | "email", value: string): Sql<Row | undefined> =>
    find(`SELECT * FROM users WHERE ${db.dialect.sameButForCase(column)}`, value);
  return {
    createUser: (user, passwordHash) =>
      db.write(function* () {
        const { name, email, createdAtMs, fullName = "", operator = false } = user;
        if ((yield* selectUser("name", name)) !== undefined) {
          throw exists(`There is a user ${name} already.`, "user-name-taken");
        }
        if ((yield* selectUser("email", email)) !== undefined) {
          throw exists(`There is a user with the e-mail ${email} already.`, "email-taken");
        }
        yield* run(
          "INSERT INTO users (name, email, created_at_ms, full_name, operator, password_hash) VALUES (?, ?, ?, ?, ?, ?)",
          ...[name, email, createdAtMs, fullName, operator ? 1 : 0, passwordHash],
        );
      }),

    listUsers: () =>
      db.read(function* () {
        return (yield* all("SELECT * FROM users ORDER BY name")).map(toUser);
      }),

    findLogin: (identity) =>
      db.read(function* () {
        const row = (yield* selectUser("name", identity)) ?? (yield* selectUser("email", identity));
        return row && { user: toUser(row), passwordHash: (row["password_hash"] as string | null) ?? undefined };
      }),

    setPassword: ({ userName, passwordHash, keptSession = "" }) =>
      db.write(function* () {
        const sql = "UPDATE users SET password_hash = ? WHERE name = ?";
        if ((yield* run(sql, passwordHash, userName)) === 0) return false;
        const sessions = "SELECT hash FROM user_tokens WHERE user_name = ? AND name IS NULL AND hash <> ?";
        for (const row of yield* all(sessions, userName, keptSession)) yield* removeToken(row["hash"] as string);
        return true;
      }),

    addSession: ({ hash, userName, createdAtMs }) =>
      db.write(function* () {
        yield* addToken({ hash, userName, name: null, createdAtMs });
        yield* run("UPDATE users SET last_login_at_ms = ? WHERE name = ?", createdAtMs, userName);
      }),

    endSession: (hash) =>
      db.write(function* () {
        const sql = "SELECT 1 FROM user_tokens WHERE hash = ? AND name IS NULL";
        if ((yield* find(sql, hash)) === undefined) return false;
        yield* removeToken(hash);
        return true;
      }),

    addAccessToken: (token) =>
      db.write(function* () {
        if ((yield* accessTokenHash(token.userName, token.name)) !== undefined) {
          throw exists(`You have an access token named "${token.name}" already.`, "access-token-exists");
        }
        yield* addToken(token);
      }),

    listAccessTokens: (userName) =>
      db.read(function* () {
        const sql = "SELECT * FROM user_tokens WHERE user_name = ? AND name IS NOT NULL ORDER BY created_at_ms, name";
        return (yield* all(sql, userName)).map((row) => ({
          name: row["name"] as string,
          createdAtMs: row["created_at_ms"] as number,
          lastUsedAtMs: (row["last_used_at_ms"] as number | null) ?? undefined,
        }));
      }),

    removeAccessToken: (userName, name) =>
      db.write(function* () {
        const hash = yield* accessTokenHash(userName, name);
        if (hash === undefined) return false;
        yield* removeToken(hash);
        return true;
      }),

    touchAccessToken: (hash, atMs) =>
      db.write(function* () {
        yield* run("UPDATE user_tokens SET last_used_at_ms = ? WHERE hash = ? AND name IS NOT NULL", atMs, hash);
      }),

    addKey: ({ userName, title, publicKey, fingerprint, createdAtMs }) =>
      db.write(function* () {
        const same = "SELECT title FROM public_keys WHERE user_name = ? AND fingerprint = ?";
        const known = yield* find(same, userName, fingerprint);
        if (known !== undefined) {
          throw exists(`This key is registered already, as "${String(known["title"])}".`, "key-exists");
        }
        const sql = `INSERT INTO public_keys (user_name, title, public_key, fingerprint, created_at_ms)
          VALUES (?, ?, ?, ?, ?) RETURNING *`;
        return toKey(yield* one(sql, userName, title, publicKey, fingerprint, createdAtMs));
      }),

    listKeys: (userName) =>
      db.read(function* () {
        return (yield* all("SELECT * FROM public_keys WHERE user_name = ? ORDER BY id", userName)).map(toKey);
      }),

    findKey: (userName, id) =>
      db.read(function* () {
        const row = yield* find("SELECT * FROM public_keys WHERE user_name = ? AND id = ?", userName, id);
        return row && toKey(row);
      }),

    removeKey: (userName, id) =>
      db.write(function* () {
        return (yield* run("DELETE FROM public_keys WHERE user_name = ? AND id = ?", userName, id)) > 0;
      }),
  };
}

function* addToken(token: { hash: string; userName: string; name: string | null; createdAtMs: number }): Sql<void> {
  const { hash, userName, name, createdAtMs } = token;
  const sql = "INSERT INTO tokens (hash, kind, subject, created_at_ms) VALUES (?, 'user', ?, ?)";
  yield* run(sql, hash, userName, createdAtMs);
  const own = "INSERT INTO user_tokens (hash, user_name, name, created_at_ms) VALUES (?, ?, ?, ?)";
  yield* run(own, hash, userName, name, createdAtMs);
}

function* removeToken(hash: string): Sql<void> {
  yield* run("DELETE FROM user_tokens WHERE hash = ?", hash);
  yield* run("DELETE FROM tokens WHERE hash = ?", hash);
}

function* accessTokenHash(userName: string, name: string): Sql<string | undefined> {
  const row = yield* find("SELECT hash FROM user_tokens WHERE user_name = ? AND name = ?", userName, name);
  return row?.["hash"] as string | undefined;
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
