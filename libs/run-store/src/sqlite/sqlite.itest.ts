/** The SQLite driver on a real file passes the contract of the record. */
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import { describeRunStore } from "../contract.ts";
import { openSqliteRunStore, restoreSqliteRecord } from "./index.ts";

describeRunStore("sqlite", async () => {
  const folder = await tempFolder("spell-record-");
  const path = join(folder.path, "deep", "er", "record.db");
  let store = openSqliteRunStore(path);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = openSqliteRunStore(path);
      return store;
    },
    restore: async (backup) => {
      await store.close();
      try {
        await restoreSqliteRecord(path, backup, { keepAs: `${path}.kept` });
      } finally {
        store = openSqliteRunStore(path);
      }
      return store;
    },
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});
