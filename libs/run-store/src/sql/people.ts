/** Users, tokens and agents in SQL. */
import type { TokenOwner, UserRecord } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { Database } from "./database.ts";
import { toAgent, toUser } from "./rows.ts";
import type { Sql } from "./statement.ts";
import { all, find, run } from "./statement.ts";

type People = Pick<
  RunStore,
  | "ensureUser"
  | "findUser"
  | "addToken"
  | "findToken"
  | "joinAgent"
  | "findAgent"
  | "listAgents"
  | "updateAgent"
  | "removeAgent"
>;

export function peopleStore(db: Database): People {
  return {
    ensureUser: (user) =>
      db.write(function* () {
        yield* run(
          "INSERT INTO users (name, email, created_at_ms, operator) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
          ...[user.name, user.email, user.createdAtMs, user.operator === true ? 1 : 0],
        );
        return (yield* selectUser(user.name)) ?? user;
      }),

    findUser: (name) => db.read(() => selectUser(name)),

    addToken: (hash, owner, createdAtMs) => db.write(() => insertToken(hash, owner, createdAtMs)),

    findToken: (hash) =>
      db.read(function* () {
        const row = yield* find(
          `SELECT kind, subject, user_tokens.name, agents.id AS agent_id FROM tokens LEFT JOIN user_tokens USING (hash)
           LEFT JOIN agents ON kind = 'agent' AND agents.id = subject WHERE hash = ?`,
          hash,
        );
        if (row === undefined) return undefined;
        const subject = row["subject"] as string;
        if (row["kind"] === "user") {
          return { kind: "user", userName: subject, accessToken: (row["name"] as string | null) ?? undefined };
        }
        if (row["kind"] === "join") return { kind: "join" };
        return row["agent_id"] === null
          ? { kind: "agent", agentId: subject, removed: true }
          : { kind: "agent", agentId: subject };
      }),

    joinAgent: (joinTokenHash, agent, agentTokenHash) =>
      db.write(function* () {
        const used = yield* run("DELETE FROM tokens WHERE hash = ? AND kind = 'join'", joinTokenHash);
        if (used === 0) return false;
        yield* run(
          "INSERT INTO agents (id, name, machine_types, created_at_ms, last_seen_at_ms, placement) VALUES (?, ?, ?, ?, ?, ?)",
          ...[agent.id, agent.name, JSON.stringify(agent.machineTypes), agent.createdAtMs, agent.lastSeenAtMs],
          agent.placement,
        );
        yield* insertToken(agentTokenHash, { kind: "agent", agentId: agent.id }, agent.createdAtMs);
        return true;
      }),

    findAgent: (id) =>
      db.read(function* () {
        const row = yield* find("SELECT * FROM agents WHERE id = ?", id);
        return row && toAgent(row);
      }),

    listAgents: () =>
      db.read(function* () {
        return (yield* all("SELECT * FROM agents ORDER BY created_at_ms, id")).map(toAgent);
      }),

    updateAgent: (id, change) =>
      db.write(function* () {
        yield* run(
          `UPDATE agents SET machine_types = coalesce(?, machine_types), last_seen_at_ms = coalesce(?, last_seen_at_ms),
             placement = coalesce(?, placement) WHERE id = ?`,
          change.machineTypes === undefined ? null : JSON.stringify(change.machineTypes),
          change.lastSeenAtMs ?? null,
          change.placement ?? null,
          id,
        );
      }),

    removeAgent: (id) =>
      db.write(function* () {
        return (yield* run("DELETE FROM agents WHERE id = ?", id)) > 0;
      }),
  };
}

function* insertToken(hash: string, owner: TokenOwner, createdAtMs: number): Sql<void> {
  const subject = owner.kind === "user" ? owner.userName : owner.kind === "agent" ? owner.agentId : "";
  const sql = "INSERT INTO tokens (hash, kind, subject, created_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
  yield* run(sql, hash, owner.kind, subject, createdAtMs);
}

function* selectUser(name: string): Sql<UserRecord | undefined> {
  const row = yield* find("SELECT * FROM users WHERE name = ?", name);
  return row && toUser(row);
}
