import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SpellError } from "@spell/domain";
import { describe, expect, it } from "vitest";
import type { SchemaState } from "./migrations.ts";
import { listMigrations, planMigrations } from "./migrations.ts";

const sqlite = listMigrations(new URL("../sqlite/migrations/", import.meta.url));
const postgres = listMigrations(new URL("../postgres/migrations/", import.meta.url));

function migration(number: number, compatibleFrom = 0): (typeof sqlite)[number] {
  return { number, sql: "", compatibleFrom };
}

function plan(state: SchemaState, ...migrations: (typeof sqlite)[number][]): [number[], SchemaState] {
  const { pending, then } = planMigrations("The record", state, migrations);
  return [pending.map(({ number }) => number), then];
}

describe("the migrations", () => {
  it("have numbers without gaps: one that came between others would be passed over where they were applied", () => {
    expect(sqlite.map(({ number }) => number)).toEqual(sqlite.map((_each, index) => index + 1));
  });

  it("are the same for both databases from PostgreSQL's first on: write a file for each", () => {
    const first = postgres[0]?.number ?? 0;
    expect(first).toBeGreaterThan(0);
    const later = sqlite.filter(({ number }) => number >= first);
    expect(postgres.map(({ number, compatibleFrom }) => [number, compatibleFrom])).toEqual(
      later.map(({ number, compatibleFrom }) => [number, compatibleFrom]),
    );
  });

  it("say in a line of their own which binaries they lock out", () => {
    const folder = mkdtempSync(join(tmpdir(), "spell-migrations-"));
    try {
      writeFileSync(join(folder, "0013-narrower.sql"), "-- Drops it.\n-- Compatible from schema 13.\nSELECT 1;");
      writeFileSync(join(folder, "0014-wider.sql"), "-- Wider. Compatible from schema 14.\n");
      writeFileSync(join(folder, "notes.txt"), "-- Compatible from schema 99.\n");
      const found = listMigrations(pathToFileURL(`${folder}/`));
      expect(found.map(({ number, compatibleFrom }) => [number, compatibleFrom])).toEqual([
        [13, 13],
        [14, 0],
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("what is still to be applied", () => {
  it("is what comes after the record's own number", () => {
    const applied = { version: 14, compatibleFrom: 13 };
    expect(plan({ version: 0, compatibleFrom: 0 }, migration(13), migration(14))).toEqual([[13, 14], applied]);
    expect(plan({ version: 13, compatibleFrom: 13 }, migration(13), migration(14))).toEqual([[14], applied]);
    expect(plan(applied, migration(13), migration(14))).toEqual([[], applied]);
  });

  it("goes no further than it is told to", () => {
    const migrations = [migration(13), migration(14), migration(15, 15)];
    const { pending, then } = planMigrations("The record", { version: 0, compatibleFrom: 0 }, migrations, 14);
    expect(pending).toHaveLength(2);
    expect(then).toEqual({ version: 14, compatibleFrom: 13 });
    const old = { version: 7, compatibleFrom: 7 };
    expect(planMigrations("The record", old, migrations, 0)).toEqual({ pending: [], then: old });
  });

  it("locks older binaries out once one of them contracts, and for good", () => {
    const migrations = [migration(13), migration(14, 14), migration(15)];
    expect(plan({ version: 13, compatibleFrom: 13 }, ...migrations)[1]).toEqual({ version: 15, compatibleFrom: 14 });
    expect(plan({ version: 14, compatibleFrom: 14 }, ...migrations)[1]).toEqual({ version: 15, compatibleFrom: 14 });
  });

  it("is nothing for a newer record that was only expanded, which keeps its number", () => {
    const state = { version: 20, compatibleFrom: 13 };
    expect(plan(state, migration(13), migration(14))).toEqual([[], state]);
  });

  it("is refused for a newer record that the binary would misread, by name and numbers", () => {
    const refused = (): unknown => plan({ version: 20, compatibleFrom: 15 }, migration(13), migration(14));
    expect(refused).toThrow(SpellError);
    expect(refused).toThrow(
      "The record was written by a newer Spell (schema 20, this one knows 14): start the newer version.",
    );
  });
});
