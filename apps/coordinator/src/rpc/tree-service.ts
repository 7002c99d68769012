/** gRPC: trees. Users may commit and read; an agent only under the lease of an attempt, and reads only what that needs. */
import type { Digest } from "@spell/domain";
import { SpellError, invalidInput } from "@spell/domain";
import type { BlobPlace, Lease, ReadTreeResponse, TreeServiceServer } from "@spell/rpc";
import type { Committer, Principal } from "@spell/run-lifecycle";
import { holderOf } from "@spell/run-lifecycle";
import type { RunRecord } from "@spell/run-store";
import { DIGESTS_PER_CALL } from "@spell/spellfs";
import type { Services } from "../services.ts";
import { toDigest } from "./convert.ts";
import { serverStream, unary } from "./handler.ts";

export function createTreeService(services: Services): TreeServiceServer {
  const { trees, multiparts } = services;
  const holder = async (principal: Principal, lease: Lease | undefined): Promise<string> =>
    holderOf(principal, (await requireWriter(services, principal, lease)).heldBy);
  return {
    findMissing: unary(services, async (request, { principal }) => {
      const committer = await requireWriter(services, principal, request.lease);
      if (request.digests.length > DIGESTS_PER_CALL) {
        const message = `One call may ask about ${DIGESTS_PER_CALL} digests: ask about the others in further calls.`;
        throw invalidInput(message, "too-many-digests");
      }
      const { digests, targets, nodes } = request;
      return trees.findMissing(digests.map(toDigest), targets, { committer, nodes });
    }),
    commitTree: unary(services, async (request, { principal }) => {
      const committer = await requireWriter(services, principal, request.lease);
      const { root, nodes, pack } = request;
      const objects = request.objects.map((object) => ({ ...object, blobs: object.blobs.map(toPlace) }));
      const inline = pack && { content: pack.content, blobs: pack.blobs.map(toPlace) };
      await trees.commitTree({ root: toDigest(root), objects, nodes, pack: inline }, committer);
      return {};
    }),
    startMultipart: unary(services, async ({ sizeBytes, lease }, { principal }) =>
      multiparts.start(await holder(principal, lease), sizeBytes),
    ),
    presignParts: unary(services, async ({ objectKey, numbers, lease }, { principal }) => ({
      putUrls: await multiparts.presign(await holder(principal, lease), objectKey, numbers),
    })),
    listParts: unary(services, async ({ objectKey, lease }, { principal }) => ({
      parts: await multiparts.listParts(await holder(principal, lease), objectKey),
    })),
    completeMultipart: unary(services, async ({ objectKey, parts, lease }, { principal }) => {
      await multiparts.complete(await holder(principal, lease), objectKey, parts);
      return {};
    }),
    abortMultipart: unary(services, async ({ objectKey, lease }, { principal }) => {
      await multiparts.abort(await holder(principal, lease), objectKey);
      return {};
    }),
    readTree: serverStream(services, async function* (request, { principal }): AsyncGenerator<ReadTreeResponse> {
      const digest = toDigest(request.digest);
      await requireReader(services, { principal, lease: request.lease, digest });
      if (request.isFile) yield { nodes: [], objects: await trees.sources([digest]) };
      else yield* trees.read(digest);
    }),
  };
}

function toPlace({ digest, offset, sizeBytes }: BlobPlace): BlobPlace & { digest: Digest } {
  return { digest: toDigest(digest), offset, sizeBytes };
}

/** For whom it is written. Agents are machines of the operator's: their word is enough, that of others is not. */
async function requireWriter(services: Services, principal: Principal, lease: Lease | undefined): Promise<Committer> {
  if (principal.kind !== "agent") return { userName: principal.userName, isClaimant: true };
  const { id, attempt, owner } = await requireLease(services, principal.agentId, lease);
  return { userName: owner, isClaimant: false, heldBy: { runId: id, attempt } };
}

/** Users read what their runs made or were made of; knowing a digest is not enough for an agent or a run. */
async function requireReader(
  services: Services,
  request: { principal: Principal; lease: Lease | undefined; digest: Digest },
): Promise<void> {
  const { principal, digest } = request;
  if (principal.kind === "user") return;
  if (principal.kind === "agent") {
    const run = await requireLease(services, principal.agentId, request.lease);
    if (needs(run, digest)) return;
  }
  throw new SpellError("forbidden", `Tree ${digest} is not part of this attempt.`, { reason: "not-needed" });
}

function needs(run: RunRecord, digest: Digest): boolean {
  return run.spec.codeTree === digest || run.spec.mounts.some((mount) => mount.digest === digest);
}

function requireLease(services: Services, agentId: string, lease: Lease | undefined): Promise<RunRecord> {
  if (lease === undefined) throw new SpellError("stale-lease", "An agent must name the attempt it acts for.");
  return services.lifecycle.requireLease(agentId, lease);
}
