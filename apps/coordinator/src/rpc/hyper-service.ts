/** gRPC: hyper-parameter searches. */
import type { HyperSearch, HyperServiceServer, ReadHyperMetricResponse } from "@spell/rpc";
import type { SearchWithRuns } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { toRunMessage, toRunRequest } from "./convert.ts";
import { serverStream, unary } from "./handler.ts";
import { toPointMessage, toSearchMessage, toSearchSpec } from "./hyper-messages.ts";

export function createHyperService(services: Services): HyperServiceServer {
  const { hyper } = services;
  const withRuns = async (found: SearchWithRuns): Promise<HyperSearch> => ({
    ...toSearchMessage(found),
    runs: await Promise.all(found.runs.map((run) => toRunMessage(services, run))),
  });
  return {
    createHyperSearch: unary(services, async (request, { principal }) => {
      const asked = { spec: toSearchSpec(request.search), run: toRunRequest(request.run) };
      return { search: await withRuns(await hyper.create(principal, asked, request.clientKey)) };
    }),
    getHyperSearch: unary(services, async (request, { principal }) => ({
      search: await withRuns(await hyper.get(principal, request.searchId)),
    })),
    listHyperSearches: unary(services, async (_request, { principal }) => ({
      searches: (await hyper.list(principal)).map(toSearchMessage),
    })),
    stopHyperSearch: unary(services, async (request, { principal }) => {
      await hyper.request(principal, request.searchId, "stop");
      return {};
    }),
    killHyperSearch: unary(services, async (request, { principal }) => {
      await hyper.request(principal, request.searchId, "kill");
      return {};
    }),
    archiveHyperSearch: unary(services, async (request, { principal }) => {
      await hyper.archive(principal, request.searchId);
      return {};
    }),
    listHyperMetrics: unary(services, async (request, { principal }) => ({
      names: await hyper.metricNames(principal, request.searchId),
    })),
    readHyperMetric: serverStream(
      services,
      async function* (request, { principal }): AsyncGenerator<ReadHyperMetricResponse> {
        for await (const { runId, points } of hyper.metric(principal, request.searchId, request.name)) {
          yield { runId, points: points.map(toPointMessage) };
        }
      },
    ),
  };
}
