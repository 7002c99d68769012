/** Records of all released schemas. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { tempFolder } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { fillOldRecord, lookAtOldRecord } from "../contract/old-records.ts";
import { openSqliteRunStore } from "./index.ts";

const MIGRATIONS = new URL("migrations/", import.meta.url);
const files = readdirSync(MIGRATIONS).sort();

describe("a record of schema", () => {
  it.each(files.map((_name, index) => index + 1))("%i is brought up to date, its rows with it", async (number) => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    const old = new DatabaseSync(path);
    // As the binary of that time did it.
    for (const name of files.slice(0, number)) old.exec(readFileSync(new URL(name, MIGRATIONS), "utf8"));
    old.exec(`PRAGMA user_version = ${number}`);
    old.exec(fillOldRecord());
    old.close();
    const store = openSqliteRunStore(path);
    await lookAtOldRecord(store);
    await store.close();
    const after = new DatabaseSync(path);
    expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: files.length });
    after.close();
  });
});
