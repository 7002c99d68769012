/** The metrics service of one attempt in this process, before a record in memory that may be away. For tests. */
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import type { AttemptMetrics } from "./attempt-metrics.ts";
import { openAttemptMetrics } from "./attempt-metrics.ts";
import { MetricServer } from "./metric-server.ts";
import type { SpooledPoint } from "./metric-spool.ts";

export const LEASE = { runId: 7, attempt: 1, token: "the token of a lease" };

/** A record in memory that may be away, or know better. */
class TestRecord {
  readonly points: SpooledPoint[] = [];
  readonly batches: number[] = [];
  error: Error | undefined;

  async commit(firstNumber: number, points: readonly SpooledPoint[]): Promise<number> {
    if (this.error !== undefined) throw this.error;
    this.batches.push(points.length);
    if (firstNumber <= this.points.length) this.points.push(...points.slice(this.points.length - firstNumber));
    return this.points.length;
  }
}

export async function openService() {
  const folder = await tempFolder("spell-metrics-");
  const server = new MetricServer();
  await server.listen(join(folder.path, "metrics-port"));
  const record = new TestRecord();
  const problems: string[] = [];
  const opened: AttemptMetrics[] = [];
  const open = async (lease = LEASE): Promise<AttemptMetrics> => {
    const metrics = await openAttemptMetrics(server, {
      ...{ lease, attemptDir: folder.path, record },
      onProblem: (message) => problems.push(message),
    });
    opened.push(metrics);
    return metrics;
  };
  const address = server.addressFor(LEASE);
  const post = async (body: unknown, at = address): Promise<{ status: number; text: string }> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`http://${at}/user-metrics`, { method: "POST", body: text });
    return { status: response.status, text: await response.text() };
  };
  return {
    ...{ folder: folder.path, server, record, problems, open, address, post },
    [Symbol.asyncDispose]: async () => {
      for (const metrics of opened) await metrics.stop();
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
