/** The contract suite of the record: every driver passes it, whatever database it speaks to. */
import { describe } from "vitest";
import { describeAccounts } from "./contract/accounts.ts";
import { describeBlobs } from "./contract/blobs.ts";
import { describeClaims } from "./contract/claims.ts";
import { describeChangingRuns } from "./contract/changing-runs.ts";
import { describeCreatingRuns } from "./contract/creating-runs.ts";
import { describeEndingWorkflows } from "./contract/ending-workflows.ts";
import { describeGarbage } from "./contract/garbage.ts";
import { describeHostileValues } from "./contract/hostile-values.ts";
import { describeHyper } from "./contract/hyper.ts";
import { describeListingRuns } from "./contract/listing-runs.ts";
import { describeLinks } from "./contract/links.ts";
import { describeLogs } from "./contract/logs.ts";
import { describeMetrics } from "./contract/metrics.ts";
import { describeModels } from "./contract/models.ts";
import { describeMultiparts } from "./contract/multiparts.ts";
import { describePeople } from "./contract/people.ts";
import { describeProjects } from "./contract/projects.ts";
import { describeReopening } from "./contract/reopening.ts";
import { describeRetries } from "./contract/retries.ts";
import { sampleTrees } from "./contract/samples.ts";
import { describeWorkspaces } from "./contract/workspaces.ts";
import { describeUpkeep } from "./contract/upkeep.ts";
import { describeUploads } from "./contract/uploads.ts";
import type { OpenBackup } from "./backup/backup-file.ts";
import type { RunStore } from "./run-store.ts";

/** A record under test, empty when it is opened. */
export interface RunStoreFixture extends AsyncDisposable {
  store: RunStore;
  /** Closes the store and opens what it wrote once more; the old store is not used again. */
  reopen(): Promise<RunStore>;
  /** Closes the store, makes its record anew from the backup, and opens that. Where the restore throws, what was there is opened. */
  restore(backup: OpenBackup): Promise<RunStore>;
}

/** Declares the suite. `open` is called for every test; disposing closes whatever is open and removes the data. */
export function describeRunStore(name: string, openEmpty: () => Promise<RunStoreFixture>): void {
  const open = async (): Promise<RunStoreFixture> => {
    const fixture = await openEmpty();
    await fixture.store.addBlobs(sampleTrees());
    return fixture;
  };
  describe(`run store contract: ${name}`, () => {
    describePeople(open);
    describeAccounts(open);
    describeCreatingRuns(open);
    describeEndingWorkflows(open);
    describeListingRuns(open);
    describeChangingRuns(open);
    describeLogs(open);
    describeRetries(open);
    describeBlobs(open);
    describeClaims(open);
    describeMetrics(open);
    describeProjects(open);
    describeWorkspaces(open);
    describeLinks(open);
    describeModels(open);
    describeUploads(open);
    describeHyper(open);
    describeGarbage(open);
    describeMultiparts(open);
    describeHostileValues(open);
    describeReopening(open);
    describeUpkeep(open);
  });
}
