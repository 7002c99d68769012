/** A record made before there were accounts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { tempFolder } from "@spell/testing";
import { expect, it } from "vitest";
import { openSqliteRunStore } from "./index.ts";

it("keeps its first user, who becomes the operator, and their token", async () => {
  await using folder = await tempFolder("spell-record-");
  const path = join(folder.path, "record.db");
  const old = new DatabaseSync(path);
  old.exec(readFileSync(new URL("migrations/0001-runs.sql", import.meta.url), "utf8"));
  old.exec("INSERT INTO users VALUES ('ann', 'ann@localhost', 5); PRAGMA user_version = 1;");
  old.exec("INSERT INTO tokens VALUES ('hash', 'user', 'ann', 6)");
  old.close();
  const store = openSqliteRunStore(path);
  const user = { name: "ann", email: "ann@localhost", createdAtMs: 5, operator: true };
  expect(await store.accounts.findLogin("ann")).toEqual({ user, passwordHash: undefined });
  expect(await store.findToken("hash")).toEqual({ kind: "user", userName: "ann" });
  expect(await store.accounts.endSession("hash")).toBe(false);
  await store.close();
});
