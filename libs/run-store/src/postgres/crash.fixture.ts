/** Run by faults.itest.ts until it is killed: writes without pause and prints the number of each run it was promised. */
import { assignment, sampleMaster, sampleNotice, sampleTrees } from "../contract/samples.ts";
import { openPostgresRunStore } from "./postgres-run-store.ts";

const store = await openPostgresRunStore({ url: process.argv[2] ?? "" });
await store.addBlobs(sampleTrees());

async function writeForEver(writer: number): Promise<never> {
  for (let round = 0; ; round += 1) {
    const notices = [sampleNotice("one"), sampleNotice("two"), sampleNotice("three")];
    const request = { labels: [], run: sampleMaster({ notices, owner: "crash" }) };
    const { run } = await store.createWorkflow(request, `${process.pid}/${writer}/${round}`);
    const changed = await store.updateRun(run.id, run.version, {
      ...assignment("a1"),
      notices: [sampleNotice("four")],
    });
    if (changed !== undefined) process.stdout.write(`${run.id}\n`);
  }
}

await Promise.all([1, 2, 3, 4, 5].map(writeForEver));
