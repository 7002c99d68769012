/**
 * The schema's numbered migrations, forward only, the same numbers for all databases. One that only expands leaves older binaries
 * working; one that contracts says from which schema on they must know: `-- Compatible from schema 15.`
 */
import { readFileSync, readdirSync } from "node:fs";
import { SpellError } from "@spell/domain";

export interface Migration {
  number: number;
  sql: string;
  /** Binaries that do not know at least this schema may not work with the record any more; 0: this changes nothing for them. */
  compatibleFrom: number;
}

/** What a record is at. Binaries that know `compatibleFrom` may work with it. */
export interface SchemaState {
  version: number;
  compatibleFrom: number;
}

/** The first schema that says which binaries may work with it. */
const FIRST_COMPATIBLE = 13;

/** The migrations of a folder, in order. */
export function listMigrations(folder: URL): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => {
      const sql = readFileSync(new URL(name, folder), "utf8");
      const compatibleFrom = Number(/^-- Compatible from schema (\d+)\.$/m.exec(sql)?.[1] ?? 0);
      return { number: Number(name.slice(0, 4)), sql, compatibleFrom };
    });
}

/**
 * What has still to be applied, and what the record is at then. Throws `conflict` reason `newer-schema` for a record that this binary
 * may not work with; one that was only expanded since is left as it is. `upTo`: go no further than that schema.
 */
export function planMigrations(
  place: string,
  state: SchemaState,
  migrations: readonly Migration[],
  upTo = Number.POSITIVE_INFINITY,
): { pending: Migration[]; then: SchemaState } {
  const known = migrations.at(-1)?.number ?? 0;
  if (state.version > known && state.compatibleFrom > known) {
    throw new SpellError(
      "conflict",
      `${place} was written by a newer Spell (schema ${state.version}, this one knows ${known}): start the newer version.`,
      { reason: "newer-schema" },
    );
  }
  const pending = migrations.filter(({ number }) => number > state.version && number <= upTo);
  const version = pending.at(-1)?.number;
  if (version === undefined) return { pending, then: state };
  const compatibleFrom = Math.max(
    ...[state.compatibleFrom, FIRST_COMPATIBLE],
    ...pending.map((migration) => migration.compatibleFrom),
  );
  return { pending, then: { version, compatibleFrom } };
}
