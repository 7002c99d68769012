/** gRPC: runs. Parse, one call into a use case, map the result. */
import { SpellError } from "@spell/domain";
import type { RunServiceServer, StreamLogsResponse } from "@spell/rpc";
import type { Services } from "../services.ts";
import { toExplainedRun, toRunMessage, toRunRequest } from "./convert.ts";
import { serverStream, unary } from "./handler.ts";

export function createRunService(services: Services): RunServiceServer {
  const { create, lifecycle, logs } = services;
  return {
    createRun: unary(services, async (request, { principal }) => {
      const { run, existed } = await create.run(principal, toRunRequest(request.spec), request.clientKey);
      if (!existed) lifecycle.created(run);
      return { run: await toRunMessage(services, run), alreadyExisted: existed };
    }),
    getRun: unary(services, async (request, { principal }) => ({
      run: await toExplainedRun(services, await lifecycle.get(principal, request.runId)),
    })),
    listRuns: unary(services, async (request, { principal }) => {
      const beforeId = request.beforeId === 0 ? undefined : request.beforeId;
      const runs = await lifecycle.list(principal, { pageSize: request.pageSize, beforeId });
      return { runs: await Promise.all(runs.map((run) => toRunMessage(services, run))) };
    }),
    stopRun: unary(services, async (request, { principal }) => ({
      run: await toRunMessage(services, await lifecycle.request(principal, request.runId, "stop")),
    })),
    killRun: unary(services, async (request, { principal }) => ({
      run: await toRunMessage(services, await lifecycle.request(principal, request.runId, "kill")),
    })),
    waitStatus: unary(services, async (request, { principal, signal }) => {
      const verdict = await lifecycle.waitStatus({ principal, ...request }, signal);
      if (verdict === undefined) throw new SpellError("unavailable", "The wait was given up.", { reason: "cancelled" });
      return { ...verdict, run: await toRunMessage(services, verdict.run) };
    }),
    streamLogs: serverStream(
      services,
      async function* (request, { principal, signal }): AsyncGenerator<StreamLogsResponse> {
        await lifecycle.get(principal, request.runId);
        yield* logs.readLog({ ...request, signal });
      },
    ),
  };
}
