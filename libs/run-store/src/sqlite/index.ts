export { openSqliteRunStore } from "./sqlite-run-store.ts";
