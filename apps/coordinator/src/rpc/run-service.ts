/** gRPC: runs. Parse, one call into a use case, map the result. */
import { SpellError } from "@spell/domain";
import type { RunServiceServer, StreamLogsResponse } from "@spell/rpc";
import type { Services } from "../services.ts";
import { toExplainedRun, toRunMessage, toRunRequest } from "./convert.ts";
import { serverStream, unary } from "./handler.ts";

export function createRunService(services: Services): RunServiceServer {
  const { create, filing, lifecycle, logs } = services;
  return {
    createRun: unary(services, async (request, { principal }) => {
      const wanted = toRunRequest(request.spec, request.idempotent);
      const { run, existed, reused } = await create.run(principal, wanted, request.clientKey);
      if (!existed && !reused) lifecycle.created(run);
      return { run: await toRunMessage(services, run), alreadyExisted: reused };
    }),
    getRun: unary(services, async (request, { principal }) => ({
      run: await toExplainedRun(services, await lifecycle.get(principal, request.runId)),
    })),
    listRuns: unary(services, async (request, { principal }) => {
      const { pageSize, labels, workspaceIds } = request;
      const beforeId = request.beforeId === 0 ? undefined : request.beforeId;
      const projectId = request.projectId === 0 ? undefined : request.projectId;
      const repository = request.repository === "" ? undefined : request.repository;
      const runs = await lifecycle.list(principal, { pageSize, beforeId, projectId, repository, labels, workspaceIds });
      return { runs: await Promise.all(runs.map((run) => toRunMessage(services, run))) };
    }),
    stopRun: unary(services, async (request, { principal }) => ({
      run: await toRunMessage(services, await lifecycle.request(principal, request.runId, "stop")),
    })),
    killRun: unary(services, async (request, { principal }) => ({
      run: await toRunMessage(services, await lifecycle.request(principal, request.runId, "kill")),
    })),
    addRunLabel: unary(services, async (request, { principal }) => ({
      run: await toRunMessage(services, await filing.addLabel(principal, request.runId, request.label)),
    })),
    removeRunLabel: unary(services, async (request, { principal }) => ({
      run: await toRunMessage(services, await filing.removeLabel(principal, request.runId, request.label)),
    })),
    archiveRun: unary(services, async (request, { principal }) => ({
      run: await toRunMessage(services, await filing.archive(principal, request.runId)),
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
