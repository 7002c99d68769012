/** SQL as SQLite has it. Members of JSON are written as in the indexes: in other words those would not be used. */
import type { Dialect } from "../sql/dialect.ts";

export const sqliteDialect: Dialect = {
  member: (column, name) => `json_extract(${column}, '$.${name}')`,
  texts: (json) => `(SELECT value FROM json_each(${json}))`,
  numbers: (json) => `(SELECT value FROM json_each(${json}))`,
  sameButForCase: (column) => `${column} = ? COLLATE NOCASE`,
};
