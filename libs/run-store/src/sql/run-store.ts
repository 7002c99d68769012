/** The record in an SQL database, whichever that is. */
import type { RunStore } from "../run-store.ts";
import { accountStore } from "./accounts.ts";
import { BlobTable } from "./blob-table.ts";
import { blobStore } from "./blobs.ts";
import type { Database } from "./database.ts";
import { garbageStore } from "./garbage.ts";
import { hyperStore } from "./hyper.ts";
import { linkStore } from "./links.ts";
import { logStore } from "./logs.ts";
import { metricStore } from "./metrics.ts";
import { modelStore } from "./models.ts";
import { multipartStore } from "./multiparts.ts";
import { peopleStore } from "./people.ts";
import { projectStore } from "./projects.ts";
import { runsStore } from "./runs.ts";
import { upkeepStore } from "./upkeep.ts";
import type { UpkeepDriver } from "./upkeep.ts";
import { uploadStore } from "./uploads.ts";
import { workspaceStore } from "./workspaces.ts";

/** What only the driver can do. */
export interface RecordDriver extends UpkeepDriver {
  close(): Promise<void>;
}

export function sqlRunStore(db: Database, driver: RecordDriver): RunStore {
  const blobs = new BlobTable();
  return {
    ...peopleStore(db),
    ...runsStore(db, blobs),
    ...logStore(db),
    ...blobStore(db, blobs),
    accounts: accountStore(db),
    garbage: garbageStore(db, blobs),
    hyper: hyperStore(db, blobs),
    links: linkStore(db),
    metrics: metricStore(db),
    models: modelStore(db),
    multiparts: multipartStore(db),
    projects: projectStore(db),
    upkeep: upkeepStore(db, driver),
    uploads: uploadStore(db, blobs),
    workspaces: workspaceStore(db, blobs),
    close: () => driver.close(),
  };
}
