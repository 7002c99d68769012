export { LeadershipRecord, leaderGuard } from "./leadership.ts";
export type { CoordinatorAddress, LeadershipRow } from "./leadership.ts";
export { placeName } from "./place.ts";
export type { PostgresOptions } from "./postgres-run-store.ts";
export { openPostgresRunStore } from "./postgres-run-store.ts";
export { restorePostgresRecord } from "./restore.ts";
