/**
 * The metrics service of one attempt in a process of its own, for tests that kill it. Arguments: a JSON object
 * { folder, record, finish }; `record` is the URL that stands for the coordinator. Prints `at ADDRESS`, and `finished` at the end.
 */
import { join } from "node:path";
import { SpellError } from "@spell/domain";
import { openAttemptMetrics } from "./attempt-metrics.ts";
import { MetricServer } from "./metric-server.ts";

const { folder, record, finish } = JSON.parse(process.argv[2] ?? "{}") as {
  folder: string;
  record: string;
  finish: boolean;
};
const lease = { runId: 7, attempt: 1, token: "the token of a lease" };
const server = new MetricServer();
const metrics = await openAttemptMetrics(server, {
  lease,
  attemptDir: folder,
  record: {
    commit: async (firstNumber, points) => {
      const response = await fetch(record, { method: "POST", body: JSON.stringify({ firstNumber, points }) }).catch(
        () => undefined,
      );
      if (response?.ok !== true) throw new SpellError("unavailable", "The record is away.");
      return Number(await response.text());
    },
  },
  onProblem: (message) => process.stderr.write(`${message}\n`),
});
await server.listen(join(folder, "metrics-port"));
process.stdout.write(`at ${server.addressFor(lease)}\n`);
if (finish) {
  await metrics.finish();
  process.stdout.write("finished\n");
  await metrics.stop();
  server.close();
}
