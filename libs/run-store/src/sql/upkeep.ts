/** Copying and checking the record. */
import type { CheckedRule, UpkeepStore } from "../upkeep.ts";
import type { RecordRule } from "../upkeep/rules.ts";
import { RECORD_RULES } from "../upkeep/rules.ts";
import type { Database } from "./database.ts";
import type { Snapshot } from "./snapshot.ts";
import { snapshotParts } from "./snapshot.ts";
import type { Sql } from "./statement.ts";
import { all, one } from "./statement.ts";

/** So many of what breaks a rule are named. */
const NAMED = 20;

export interface UpkeepDriver {
  takeSnapshot(): Promise<Snapshot>;
  /** What the database says of its own soundness: a line for each fault. */
  faults(): Promise<string[]>;
}

export function upkeepStore(db: Database, driver: UpkeepDriver): UpkeepStore {
  return {
    backup: async () => {
      const snapshot = await driver.takeSnapshot();
      return { header: { schema: snapshot.schema }, parts: snapshotParts(snapshot) };
    },
    check: async function* () {
      yield soundness(await driver.faults());
      for (const rule of RECORD_RULES) yield await db.read(() => checkRule(rule));
    },
  };
}

function soundness(faults: string[]): CheckedRule {
  const sentence = "The database finds no fault in its own files.";
  return { rule: "database-is-sound", sentence, brokenBy: faults.slice(0, NAMED), broken: faults.length };
}

function* checkRule({ rule, sentence, sql }: RecordRule): Sql<CheckedRule> {
  const rows = yield* all(`${sql} LIMIT ${NAMED + 1}`);
  const counted = rows.length > NAMED ? yield* one(`SELECT COUNT(*) AS n FROM (${sql}) AS broken`) : { n: rows.length };
  const brokenBy = rows.slice(0, NAMED).map((row) => String(row["subject"]));
  return { rule, sentence, brokenBy, broken: counted["n"] as number };
}
