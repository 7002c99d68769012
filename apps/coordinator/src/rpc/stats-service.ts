/** gRPC: stats. Parse, one call into a use case, map the result. */
import type { RunStats as RunStatsMessage, StatsServiceServer, StreamStatsResponse } from "@spell/rpc";
import type { RunStats } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { serverStream } from "./handler.ts";

export function createStatsService(services: Services): StatsServiceServer {
  return {
    streamStats: serverStream(
      services,
      async function* ({ runId, follow }, { principal, signal }): AsyncGenerator<StreamStatsResponse> {
        for await (const part of services.stats.read({ principal, runId, follow }, signal)) {
          yield { ...part, stats: part.stats && toMessage(part.stats) };
        }
      },
    ),
  };
}

function toMessage(stats: RunStats): RunStatsMessage {
  return {
    ...stats,
    gpus: stats.gpus.map((gpu) => ({
      ...{ temperature: undefined, powerWatts: undefined, powerLimitWatts: undefined, utilization: undefined },
      ...{ memoryUtilization: undefined, memoryBytes: undefined, memoryTotalBytes: undefined, ...gpu },
    })),
  };
}
