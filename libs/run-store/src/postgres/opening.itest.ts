/** Opening a database: what is wrong is said in a sentence without the password, and what is right is brought up to date, once. */
import { freePort, startPostgres } from "@spell/testing";
import type { PostgresServer } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fillOldRecord, lookAtOldRecord } from "../contract/old-records.ts";
import { sampleRun, sampleTrees } from "../contract/samples.ts";
import { openSession } from "./connection.ts";
import { openPostgresRunStore } from "./index.ts";
import { MIGRATIONS, migrate } from "./open-database.ts";
import { parsePlace } from "./place.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop());

/** What opening it throws. */
async function refusal(url: string): Promise<{ code: string; reason: string; message: string }> {
  const opened = await openPostgresRunStore({ url }).catch((error: unknown) => error);
  expect(opened).toBeInstanceOf(Error);
  return opened as { code: string; reason: string; message: string };
}

function changed(url: string, change: (parsed: URL) => void): string {
  const parsed = new URL(url);
  change(parsed);
  return parsed.href;
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

describe("a database that cannot be opened", () => {
  it.each([
    ["record.db", /is given as a URL/],
    ["mysql://ann:secret@db/spell", /is given as a URL/],
    ["postgres:///spell", /lacks the host and the user/],
    ["postgres://ann:secret@db", /lacks the database/],
    ["postgres://ann:sec%ret@db/spell", /write %25/],
  ])("%s: the URL is no such thing", async (url, expected) => {
    const { code, reason, message } = await refusal(url);
    expect([code, reason]).toEqual(["invalid-input", "database-url"]);
    expect(message).toMatch(expected);
    expect(message).not.toContain("secret");
  });

  it("is told apart: no server, no such host, no such database, a wrong password, none, a wrong user", async () => {
    const url = await server.createDatabase();
    const port = await freePort();
    const cases: [string, string, string, RegExp][] = [
      [
        changed(url, (at) => (at.port = String(port))),
        "unavailable",
        "database-away",
        /cannot be reached .+is it running/,
      ],
      [changed(url, (at) => (at.hostname = "nowhere.invalid")), "unavailable", "database-away", /no host of this name/],
      [changed(url, (at) => (at.pathname = "/none")), "invalid-input", "no-such-database", /createdb none/],
      [changed(url, (at) => (at.password = "wrong")), "forbidden", "database-login", /password of spell is wrong/],
      [changed(url, (at) => (at.password = "")), "forbidden", "database-login", /wants a password of spell/],
      [changed(url, (at) => (at.username = "bob")), "forbidden", "database-login", /password of bob is wrong/],
    ];
    for (const [wrong, code, reason, sentence] of cases) {
      const error = await refusal(wrong);
      expect([error.code, error.reason], error.message).toEqual([code, reason]);
      expect(error.message).toMatch(sentence);
      expect(error.message).not.toContain(server.password);
    }
  });

  it("says so when it may not be written, is read-only, is of another encoding, or holds something else", async () => {
    await server.query("CREATE ROLE guest LOGIN PASSWORD 'guest'");
    const closed = await server.createDatabase();
    await server.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC", nameOf(closed));
    const asGuest = changed(closed, (at) => ([at.username, at.password] = ["guest", "guest"]));
    expect(await refusal(asGuest)).toMatchObject({ code: "forbidden", reason: "database-rights" });

    const readOnly = await server.createDatabase();
    await server.query(`ALTER DATABASE ${nameOf(readOnly)} SET default_transaction_read_only = on`);
    expect(await refusal(readOnly)).toMatchObject({ code: "unavailable", reason: "database-read-only" });

    await server.query("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0");
    expect(await refusal(server.url("latin"))).toMatchObject({ code: "conflict", reason: "database-encoding" });

    const other = await server.createDatabase();
    await server.query("CREATE TABLE customers (id INT)", nameOf(other));
    expect(await refusal(other)).toMatchObject({ code: "conflict", reason: "database-not-empty" });
    expect(
      await server.query("SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'", nameOf(other)),
    ).toEqual([{ n: 1 }]);
  });
});

describe("the schema", () => {
  it("is made once by many that open the database at the same time", async () => {
    const url = await server.createDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(() => openPostgresRunStore({ url })));
    await stores[0]?.addBlobs(sampleTrees());
    const made = await Promise.all(stores.map((store) => store.createRun(sampleRun(), "")));
    expect(new Set(made.map(({ run }) => run.id)).size).toBe(4);
    for (const store of stores) await store.close();
  });

  it.each(MIGRATIONS.map(({ number }) => number))("%i is brought up to date, its rows with it", async (number) => {
    const url = await server.createDatabase();
    const session = await openSession({ url });
    await migrate(session, parsePlace(url), number);
    await session.query(fillOldRecord("runs_id_seq"));
    await session.end();
    const store = await openPostgresRunStore({ url });
    try {
      await lookAtOldRecord(store);
      const rows = await server.query("SELECT version::int, compatible_from::int FROM record_schema", nameOf(url));
      expect(rows).toMatchObject([{ version: MIGRATIONS.at(-1)?.number }]);
    } finally {
      await store.close();
    }
  });

  it("that is newer is refused when this binary would misread it, and left alone when it was only expanded", async () => {
    const url = await server.createDatabase();
    await (await openPostgresRunStore({ url })).close();
    const change = (sql: string): Promise<unknown> => server.query(sql, nameOf(url));
    await change("UPDATE record_schema SET version = 9999; ALTER TABLE runs ADD COLUMN from_the_future TEXT");
    const store = await openPostgresRunStore({ url });
    await store.addBlobs(sampleTrees());
    expect((await store.createRun(sampleRun(), "")).existed).toBe(false);
    await store.close();
    await change("UPDATE record_schema SET compatible_from = 9998");
    const error = await refusal(url);
    expect(error).toMatchObject({ code: "conflict", reason: "newer-schema" });
    expect(error.message).toMatch(
      /^database t\w+ at 127.+ was written by a newer Spell \(schema 9999, this one knows \d+\)/,
    );
    expect(await change("SELECT version::int AS version FROM record_schema")).toEqual([{ version: 9999 }]);
  });
});
