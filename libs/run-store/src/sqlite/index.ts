export { openSqliteRunStore } from "./sqlite-run-store.ts";
export { restoreSqliteRecord } from "./restore.ts";
