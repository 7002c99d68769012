/** HTTP: what runs use of their machines. Thin over the same use case as gRPC. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import type { RunStats, StatsPart } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import { runId } from "./run-answer.ts";
import { openLineStream } from "./stream.ts";
import type { TypedServer } from "./typed.ts";

const RunPath = Type.Object({ owner: Type.String(), id: Type.String() });
const StatsBody = Type.Object({ follow: Type.Optional(Type.Boolean()) });
const MIB = 2 ** 20;

export function addStatsRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  server.post("/runs/:owner/:id/stats", { schema: { params: RunPath, body: StatsBody } }, async (request, reply) => {
    const { principal } = await ownerOf(services, request);
    const id = runId(request.params.id);
    const { follow = false } = request.body;
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const parts = services.stats.read({ principal, runId: id, follow }, gone.signal);
    if (follow) await services.lifecycle.get(principal, id);
    // One sample comes soon or never: that it does not come is an ordinary error.
    const first = follow ? undefined : await parts.next();
    const stream = openLineStream(reply);
    try {
      if (first?.value !== undefined) await stream.send(wireStats(first.value));
      for await (const part of parts) await stream.send(wireStats(part));
    } catch (error) {
      // The client asks again.
      services.log.warn({ err: error, runId: id }, "stats stream broke");
    }
    stream.end();
    return reply;
  });
}

function wireStats({ stats, finished, message }: StatsPart): object {
  if (stats !== undefined) return { cpu_stats: wireCpu(stats), gpu_stats: wireGpus(stats) };
  return { finished, ...(message === "" ? {} : { message }) };
}

function wireCpu(stats: RunStats): object {
  const { memoryBytes, memoryTotalBytes } = stats;
  return {
    cpu_percentage: stats.cpuPercentage,
    memory: memoryBytes,
    memory_total: memoryTotalBytes,
    memory_percentage: memoryTotalBytes === 0 ? 0 : (memoryBytes / memoryTotalBytes) * 100,
    network_rx: stats.networkReceivedBytes,
    network_tx: stats.networkSentBytes,
    block_read: stats.diskReadBytes,
    block_write: stats.diskWrittenBytes,
  };
}

/** Memory in MiB, as the driver's own tool shows it; null: the run was given no GPU, or its machine cannot tell. */
function wireGpus({ gpus }: RunStats): object[] | null {
  if (gpus.length === 0) return null;
  return gpus.map((gpu) => ({
    name: gpu.name,
    temperature: gpu.temperature ?? null,
    power_draw: gpu.powerWatts ?? null,
    power_limit: gpu.powerLimitWatts ?? null,
    gpu_utilization: gpu.utilization ?? null,
    memory_utilization: gpu.memoryUtilization ?? null,
    memory_used: gpu.memoryBytes === undefined ? null : Math.round(gpu.memoryBytes / MIB),
    memory_total: gpu.memoryTotalBytes === undefined ? null : Math.round(gpu.memoryTotalBytes / MIB),
    perf_state: gpu.performanceState || null,
  }));
}
