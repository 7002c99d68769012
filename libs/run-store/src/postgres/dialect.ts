/** SQL as PostgreSQL has it. Members of JSON are written as in the indexes: in other words those would not be used. */
import type { Dialect } from "../sql/dialect.ts";

export const postgresDialect: Dialect = {
  member: (column, name) => `((${column}::json ->> '${name}') COLLATE "C")`,
  texts: (json) => `(SELECT value COLLATE "C" AS value FROM json_array_elements_text((${json})::json) AS each (value))`,
  numbers: (json) => `(SELECT value::bigint FROM json_array_elements_text((${json})::json) AS each (value))`,
  sameButForCase: (column) => `lower(${column}) = lower(? COLLATE "C")`,
};
