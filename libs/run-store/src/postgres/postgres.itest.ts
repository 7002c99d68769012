/** The PostgreSQL driver on a real server passes the contract of the record. */
import { startPostgres } from "@spell/testing";
import type { PostgresServer } from "@spell/testing";
import { afterAll, beforeAll } from "vitest";
import { describeRunStore } from "../contract.ts";
import { openPostgresRunStore, restorePostgresRecord } from "./index.ts";

let server: PostgresServer;
let url: string;
let empty: string;

beforeAll(async () => {
  server = await startPostgres();
  url = await server.createDatabase();
  await (await openPostgresRunStore({ url })).close();
  // As if it had just been made: quicker than another database for each test.
  const tables = await ask(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'record_schema'",
  );
  const sequences = await ask("SELECT sequencename FROM pg_sequences");
  empty = [
    ...tables.map(({ tablename }) => `DELETE FROM ${String(tablename)}`),
    ...sequences.map(({ sequencename }) => `ALTER SEQUENCE ${String(sequencename)} RESTART`),
  ].join(";");
}, 60_000);
afterAll(() => server.stop());

function ask(sql: string): Promise<Record<string, unknown>[]> {
  return server.query(sql, new URL(url).pathname.slice(1));
}

describeRunStore("postgres", async () => {
  await ask(empty);
  let store = await openPostgresRunStore({ url });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await openPostgresRunStore({ url });
      return store;
    },
    restore: async (backup) => {
      await store.close();
      try {
        await restorePostgresRecord(url, backup, { keepAs: "kept" });
      } finally {
        await ask("DROP SCHEMA IF EXISTS kept CASCADE");
        store = await openPostgresRunStore({ url });
      }
      return store;
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
});
