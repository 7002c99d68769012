/** Links in SQL. */
import type { LinkRecord, LinkStore } from "../links.ts";
import type { Database } from "./database.ts";
import type { Row } from "./statement.ts";
import { all, find, run } from "./statement.ts";

export function linkStore(db: Database): LinkStore {
  return {
    addLink: ({ owner, alias, resourcePath, createdAtMs }) =>
      db.write(function* () {
        const sql = `INSERT INTO links (owner, alias, resource_path, created_at_ms) VALUES (?, ?, ?, ?)
          ON CONFLICT DO NOTHING`;
        return (yield* run(sql, owner, alias, resourcePath, createdAtMs)) > 0;
      }),

    findLink: (owner, alias) =>
      db.read(function* () {
        const row = yield* find("SELECT * FROM links WHERE owner = ? AND alias = ?", owner, alias);
        return row && toLink(row);
      }),

    listLinks: (owner) =>
      db.read(function* () {
        return (yield* all("SELECT * FROM links WHERE owner = ? ORDER BY alias", owner)).map(toLink);
      }),

    removeLink: (owner, alias) =>
      db.write(function* () {
        return (yield* run("DELETE FROM links WHERE owner = ? AND alias = ?", owner, alias)) > 0;
      }),
  };
}

function toLink(row: Row): LinkRecord {
  return {
    owner: row["owner"] as string,
    alias: row["alias"] as string,
    resourcePath: row["resource_path"] as string,
    createdAtMs: row["created_at_ms"] as number,
  };
}
