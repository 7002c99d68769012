/** Links in SQLite. */
import type { LinkRecord, LinkStore } from "../links.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

export class SqliteLinks implements LinkStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;

  constructor(db: Statements, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  addLink({ owner, alias, resourcePath, createdAtMs }: LinkRecord): Promise<boolean> {
    const sql = "INSERT OR IGNORE INTO links (owner, alias, resource_path, created_at_ms) VALUES (?, ?, ?, ?)";
    return this.#group.write(() => this.#db.run(sql, owner, alias, resourcePath, createdAtMs) > 0);
  }

  async findLink(owner: string, alias: string): Promise<LinkRecord | undefined> {
    const row = this.#db.find("SELECT * FROM links WHERE owner = ? AND alias = ?", owner, alias);
    return row && toLink(row);
  }

  async listLinks(owner: string): Promise<LinkRecord[]> {
    return this.#db.all("SELECT * FROM links WHERE owner = ? ORDER BY alias", owner).map(toLink);
  }

  removeLink(owner: string, alias: string): Promise<boolean> {
    return this.#group.write(() => this.#db.run("DELETE FROM links WHERE owner = ? AND alias = ?", owner, alias) > 0);
  }
}

function toLink(row: Row): LinkRecord {
  return {
    owner: row["owner"] as string,
    alias: row["alias"] as string,
    resourcePath: row["resource_path"] as string,
    createdAtMs: row["created_at_ms"] as number,
  };
}
