/** A coordinator on a record that several may open: it stands by until it leads, and ends at once when it leads no more. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conflict } from "@spell/domain";
import type { Logger } from "@spell/logging";
import { bootId, startTimeOf } from "@spell/machine";
import { LEADERSHIP_RULES } from "@spell/run-lifecycle";
import type { RunStore } from "@spell/run-store";
import { LeadershipRecord, leaderGuard } from "@spell/run-store/postgres";
import type { CoordinatorConfig } from "../config.ts";
import { dataPaths } from "../config.ts";
import { openRecord, requireRecordHere } from "../open-record.ts";
import type { Secrets } from "../secrets.ts";
import { loadHolder, makeSecrets } from "../secrets.ts";
import type { Services } from "../services.ts";
import type { Ports } from "../serving.ts";
import { Campaign } from "./campaign.ts";

/** The exit code of a coordinator that leads no more: whoever supervises it starts it again, and it stands by (EX_TEMPFAIL). */
export const NOT_LEADING_EXIT = 75;

export interface Candidacy {
  /** What all coordinators of this farm share. */
  secrets: Secrets;
  lead: Campaign;
  /** The record, once this coordinator leads; undefined: it was stopped before. */
  won(): Promise<RunStore | undefined>;
  /** Lets another one lead at once. Nothing may be written any more. */
  stop(): Promise<void>;
}

export interface CandidacyOptions {
  settings: CoordinatorConfig & { database: string };
  addresses: Services["addresses"];
  /** Open already, and refusing: clients find out that this coordinator stands by. */
  openPorts: (leader: () => string | undefined) => Promise<Ports>;
  log: Logger;
}

/** Throws what is wrong with the database or the data folder in a sentence. */
export async function stand(options: CandidacyOptions): Promise<Candidacy> {
  const { settings, addresses, openPorts, log } = options;
  const paths = dataPaths(settings.dataDir);
  requireRecordHere(settings.database, paths);
  const holder = `${loadHolder(paths.holder)}.${bootId()}`;
  takeDataFolder(paths.own);
  const place = new LeadershipRecord(settings.database, holder);
  await place.prepare();
  const secrets = toSecrets(await place.secrets({ ...makeSecrets(paths.secrets) }));
  const campaign: { lead?: Campaign } = {};
  await openPorts(() => campaign.lead?.leader);
  const { coordinator, api } = addresses;
  let standingBy = false;
  const lead = new Campaign({
    ...{ place, holder, rules: LEADERSHIP_RULES, entry: { coordinator, api } },
    monotonicMs: () => performance.now(),
    onStandby: (leader) => {
      requireSharedObjects(settings, leader);
      if (standingBy) return;
      standingBy = true;
      log.info({ leader }, "standing by");
      process.stdout.write(`${JSON.stringify({ standby: true, coordinator, api, leader })}\n`);
    },
    onCoordinators: (all) => (addresses.all = all.length > 1 ? all : []),
    onLost: (why) => {
      log.error({ why, exitCode: NOT_LEADING_EXIT }, "leads no more");
      process.stderr.write(
        `spell coordinator: It leads no more (${why}) and ends, to stand by when it is started again.\n`,
      );
      process.exit(NOT_LEADING_EXIT);
    },
    onProblem: (problem) => log.warn({ problem }, "leadership"),
  });
  campaign.lead = lead;
  return {
    secrets,
    lead,
    won: async () => {
      const epoch = await lead.won();
      if (epoch === undefined) return undefined;
      log.info({ epoch }, "leads");
      return openRecord(
        place.url,
        paths,
        leaderGuard(epoch, () => lead.refused()),
      );
    },
    stop: async () => {
      await lead.stop();
      await place.close();
    },
  };
}

/** What lies in the folder of one machine no other one can serve. */
function requireSharedObjects(settings: CoordinatorConfig, leader: string): void {
  if (settings.s3 !== undefined) return;
  throw conflict(
    `${leader} leads, and this coordinator keeps its objects in its own data folder, so it could not take over: ` +
      "give all coordinators the same S3 store with --s3-endpoint, or start only one.",
    "objects-not-shared",
  );
}

/** Throws conflict while another coordinator that lives has the folder. A pid that was given to somebody else is told by its start time. */
function takeDataFolder(own: string): void {
  const path = join(own, "coordinator.pid");
  const [pid = "", startTime = ""] = readOrEmpty(path).split(" ");
  if (pid !== "" && pid !== String(process.pid) && startTimeOf(Number(pid)) === startTime) {
    throw conflict(`Coordinator ${pid} works with ${own}: end it first, or give another data folder.`, "record-in-use");
  }
  writeFileSync(path, `${process.pid} ${startTimeOf(process.pid)}`, { mode: 0o600 });
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function toSecrets({ storeSecret = "", runSecret = "" }: Record<string, string>): Secrets {
  return { storeSecret, runSecret };
}
