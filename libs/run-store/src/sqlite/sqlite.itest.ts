/** The SQLite driver on a real file passes the contract of the record. */
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import { describeRunStore } from "../contract.ts";
import { openSqliteRunStore } from "./index.ts";

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
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});
