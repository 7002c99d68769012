/** gRPC: agents join, then keep one sync stream each. */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { randomUUID } from "node:crypto";
import { SpellError, invalidInput } from "@spell/domain";
import type { AgentServiceServer, SyncRequest, SyncResponse } from "@spell/rpc";
import type { Principal } from "@spell/run-lifecycle";
import { hashToken, newToken, staleLease } from "@spell/run-lifecycle";
import type { RunRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { AgentStream } from "./agent-stream.ts";
import { toDigest } from "./convert.ts";
import { authenticate, serviceError, unary } from "./handler.ts";
import { toNamedPoint } from "./metric-service.ts";

/** Larger ones are put into the object store first. */
const MAX_INLINE_SEGMENT_BYTES = 64 * 1024;

export function createAgentService(services: Services): AgentServiceServer {
  const { store, lifecycle, metrics, snapshots, repairs } = services;
  return {
    // The only call without a bearer token: the join token is the credential.
    join: (call, callback) => {
      join(services, call.request.joinToken, call.request.name).then(
        (response) => callback(null, response),
        (error: unknown) => callback(serviceError(services, error)),
      );
    },
    sync: (call: ServerDuplexStream<SyncRequest, SyncResponse>) => {
      // Messages may arrive while the token is being looked up: the stream holds them until somebody listens.
      authenticate(services, call.metadata).then(
        (principal) => {
          if (principal.kind === "agent") new AgentStream(services, principal.agentId, call).start();
          else call.emit("error", serviceError(services, notAnAgent()));
        },
        (error: unknown) => call.emit("error", serviceError(services, error)),
      );
    },
    commitLogSegment: unary(services, async (request, { principal }) => {
      const run = await lifecycle.requireLease(agentOf(principal), leaseOf(request.lease));
      const { firstNumber, entries, content } = request;
      const objectKey = segmentKey(run, firstNumber);
      const comesAlong = content.byteLength > 0;
      if ((!comesAlong && request.objectKey !== objectKey) || entries < 0) {
        throw invalidInput(
          `This is no segment of the log of run ${run.id} that begins at ${firstNumber}.`,
          "bad-segment",
        );
      }
      // Without entries it would only stand in the way of the segment that begins at the same number.
      if (entries === 0) return {};
      if (content.byteLength > MAX_INLINE_SEGMENT_BYTES) {
        throw invalidInput(`A segment of ${content.byteLength} bytes must be put before it is recorded.`, "too-large");
      }
      if (comesAlong) await services.objects.put(objectKey, content);
      const segment = { attempt: run.attempt, firstNumber, entries, objectKey };
      // Given up while the segment was being stored: a reader may have passed its end.
      if (!(await store.addLogSegment(run.id, segment))) throw staleLease(run.id, run.attempt);
      services.changes.publish(run);
      return {};
    }),
    prepareLogSegment: unary(services, async (request, { principal }) => {
      const run = await lifecycle.requireLease(agentOf(principal), leaseOf(request.lease));
      const objectKey = segmentKey(run, request.firstNumber);
      return { objectKey, putUrl: await services.objects.presignPut(objectKey, 3_600) };
    }),
    commitMetricPoints: unary(services, async (request, { principal }) => {
      const batch = { firstNumber: request.firstNumber, points: request.points.map(toNamedPoint) };
      return { recorded: await metrics.record(agentOf(principal), leaseOf(request.lease), batch) };
    }),
    completeSnapshot: unary(services, async (request, { principal }) => {
      const agentId = agentOf(principal);
      const { token: leaseToken, ...lease } = leaseOf(request.lease);
      await lifecycle.requireLease(agentId, { ...lease, token: leaseToken });
      const answer = request.error === "" ? { tree: toDigest(request.tree) } : { error: request.error };
      snapshots.complete(request.snapshotId, { agentId, leaseToken, ...answer });
      return {};
    }),
    completeRepair: unary(services, async ({ repairId, held, error, underWay }, { principal }) => {
      repairs.complete(repairId, { agentId: agentOf(principal), held, error, underWay });
      return {};
    }),
  };
}

async function join(
  services: Services,
  joinToken: string,
  name: string,
): Promise<{ agentId: string; agentToken: string }> {
  const agentId = `agt_${randomUUID()}`;
  const agentToken = newToken("agent");
  const nowMs = services.now();
  const agent = {
    id: agentId,
    name: name.slice(0, 200) || agentId,
    machineTypes: [],
    createdAtMs: nowMs,
    lastSeenAtMs: nowMs,
    placement: "open" as const,
  };
  if (!(await services.store.joinAgent(hashToken(joinToken), agent, hashToken(agentToken)))) {
    throw new SpellError(
      "unauthenticated",
      'This join token is wrong or was used already: make a new one with "spell agent token".',
      { reason: "bad-join-token" },
    );
  }
  services.log.info({ agentId, agent: agent.name }, "agent joined");
  return { agentId, agentToken };
}

/** Runs whose segments share a folder of an embedded store: a folder for each run would cost two more syncs of the disk. */
const RUNS_PER_FOLDER = 1_000;

/** Fixed by what it holds: storing the same segment again after a crash replaces it. */
function segmentKey(run: RunRecord, firstNumber: number): string {
  if (firstNumber < 0) throw invalidInput(`A log has no entry ${firstNumber}.`, "bad-segment");
  return `logs/${Math.floor(run.id / RUNS_PER_FOLDER)}/${run.id}.${run.attempt}.${firstNumber}`;
}

function agentOf(principal: Principal): string {
  if (principal.kind !== "agent") throw notAnAgent();
  return principal.agentId;
}

function notAnAgent(): SpellError {
  return new SpellError("forbidden", "Only agents may call this.", { reason: "not-an-agent" });
}

function leaseOf<T>(lease: T | undefined): T {
  if (lease === undefined) throw new SpellError("stale-lease", "The call names no attempt.");
  return lease;
}
