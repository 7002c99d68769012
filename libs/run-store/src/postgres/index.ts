export { placeName } from "./place.ts";
export { openPostgresRunStore } from "./postgres-run-store.ts";
export { restorePostgresRecord } from "./restore.ts";
