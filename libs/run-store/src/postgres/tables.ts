/** The record's tables as the database knows them. */
import type pg from "pg";
import { ask } from "./connection.ts";

export interface Table {
  name: string;
  columns: string[];
  /** The sequence that numbers its rows, and the column with the numbers. */
  sequence?: { name: string; column: string };
}

/** Says which schema it is and belongs to no backup. */
const OWN = "record_schema";

/** The tables of the schema that the session works in. */
export async function tablesOf(session: pg.ClientBase): Promise<Table[]> {
  const { rows } = await ask(
    session,
    `SELECT relname, attname, CASE WHEN attidentity <> '' THEN pg_get_serial_sequence(quote_ident(relname), attname) END AS sequence
      FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
      WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> '${OWN}'
        AND attnum > 0 AND NOT attisdropped
      ORDER BY relname COLLATE "C", attnum`,
  );
  const tables = new Map<string, Table>();
  for (const row of rows) {
    const { relname: name, attname: column, sequence } = row as { relname: string; attname: string; sequence?: string };
    const table = tables.get(name) ?? { name, columns: [] };
    table.columns.push(column);
    if (typeof sequence === "string") table.sequence = { name: sequence, column };
    tables.set(name, table);
  }
  return [...tables.values()];
}

/** A name as SQL takes it, whatever it is. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
