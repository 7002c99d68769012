/** The agent's calls to its coordinator, under the lease of an attempt. */
import type { Digest } from "@spell/domain";
import { SpellError, isDigest } from "@spell/domain";
import type { CompleteRepairRequest, Lease, MetricPoint, UnaryMethod } from "@spell/rpc";
import {
  AgentServiceClient,
  CoordinatorChannel,
  TreeServiceClient,
  callMetadata,
  callUnary,
  channelCredentials,
  readStream,
} from "@spell/rpc";
import type { MultipartTransport, TreeTransport } from "@spell/spellfs";
import type { SegmentArchive } from "./logs/segment-archive.ts";
import type { MetricRecord } from "./metrics/metric-shipper.ts";
import type { SpooledPoint } from "./metrics/metric-spool.ts";

/** An attempt's calls ride out a restart of the coordinator; what takes longer is tried again by the attempt itself. */
const RETRY_FOR_MS = 30_000;
/** A log segment up to this size goes with the call that records it: one hop instead of three, for most runs their only one. */
const INLINE_SEGMENT_BYTES = 64 * 1024;

export class CoordinatorClient {
  readonly agents: AgentServiceClient;
  readonly #channel: CoordinatorChannel;
  readonly #trees: TreeServiceClient;
  #token = "";

  /** One address or more, HOST:PORT. */
  constructor(addresses: readonly string[]) {
    this.#channel = new CoordinatorChannel(addresses);
    const open = [addresses.join(","), channelCredentials(), { channelOverride: this.#channel }] as const;
    this.agents = new AgentServiceClient(...open);
    this.#trees = new TreeServiceClient(...open);
  }

  /** For messages. */
  get address(): string {
    return this.#channel.addresses.join(",");
  }

  /** The address that is in use. */
  get current(): string {
    return this.#channel.current;
  }

  /** How long to wait between two tries at most, milliseconds; undefined: nothing speaks for a short wait. */
  get longestPauseMs(): number | undefined {
    return this.#channel.longestPauseMs;
  }

  /** See CoordinatorChannel. */
  learn(addresses: readonly string[]): boolean {
    return this.#channel.learn(addresses);
  }

  /** The credential of every later call. */
  useToken(token: string): void {
    this.#token = token;
  }

  metadata(): ReturnType<typeof callMetadata> {
    return callMetadata(this.#token);
  }

  close(): void {
    this.#channel.close();
  }

  /** Trees as the attempt of this lease may read and write them. */
  trees(lease: Lease): TreeTransport {
    return {
      findMissing: async ({ digests, targets }) => {
        const call = this.#trees.findMissing.bind(this.#trees);
        const { missing, targets: places } = await callCoordinator(call, { digests, targets, lease }, this.#context());
        return { missing: missing.map(asDigest), targets: places };
      },
      commitTree: async ({ root, objects, nodes, pack }) => {
        const call = this.#trees.commitTree.bind(this.#trees);
        const inline = pack && { content: toBuffer(pack.content), blobs: pack.blobs };
        await callCoordinator(
          call,
          { root, objects, nodes: nodes.map(toBuffer), lease, pack: inline },
          this.#context(),
        );
      },
      readTree: (request) => this.#readTree(request, lease),
      multiparts: this.#multiparts(lease),
    };
  }

  /** Where the attempt of this lease archives its log. */
  segments(lease: Lease): SegmentArchive {
    return {
      store: async ({ firstNumber, entries, bytes }) => {
        const commit = this.agents.commitLogSegment.bind(this.agents);
        const segment = { lease, firstNumber, entries, sizeBytes: bytes.byteLength };
        if (bytes.byteLength <= INLINE_SEGMENT_BYTES) {
          const content = toBuffer(bytes);
          await callCoordinator(commit, { ...segment, objectKey: "", content }, this.#context());
          return;
        }
        const prepare = this.agents.prepareLogSegment.bind(this.agents);
        const { objectKey, putUrl } = await callCoordinator(prepare, { lease, firstNumber }, this.#context());
        await putObject(putUrl, bytes);
        await callCoordinator(commit, { ...segment, objectKey, content: Buffer.alloc(0) }, this.#context());
      },
    };
  }

  /** Where the metrics of the attempt of this lease are recorded. */
  metrics(lease: Lease): MetricRecord {
    return {
      commit: async (firstNumber, points) => {
        const call = this.agents.commitMetricPoints.bind(this.agents);
        const request = { lease, firstNumber, points: points.map(toMetricPoint) };
        return (await callCoordinator(call, request, this.#context())).recorded;
      },
    };
  }

  /** Answers a request for a snapshot. */
  async completeSnapshot(answer: { snapshotId: string; lease: Lease; tree: string; error: string }): Promise<void> {
    await callCoordinator(this.agents.completeSnapshot.bind(this.agents), answer, this.#context());
  }

  /** Answers a request for what the store has lost. */
  async completeRepair(answer: CompleteRepairRequest): Promise<void> {
    await callCoordinator(this.agents.completeRepair.bind(this.agents), answer, this.#context());
  }

  /** Large objects, put in parts. */
  #multiparts(lease: Lease): MultipartTransport {
    const trees = this.#trees;
    return {
      start: (request) => callCoordinator(trees.startMultipart.bind(trees), { ...request, lease }, this.#context()),
      presignParts: async (request) =>
        (await callCoordinator(trees.presignParts.bind(trees), { ...request, lease }, this.#context())).putUrls,
      listParts: async ({ objectKey }) =>
        (await callCoordinator(trees.listParts.bind(trees), { objectKey, lease }, this.#context())).parts,
      complete: async ({ objectKey, parts }) => {
        const message = { objectKey, parts: parts.map((part) => ({ ...part, sizeBytes: 0 })), lease };
        await callCoordinator(trees.completeMultipart.bind(trees), message, this.#context());
      },
      abort: async ({ objectKey }) => {
        await callCoordinator(trees.abortMultipart.bind(trees), { objectKey, lease }, this.#context());
      },
    };
  }

  async *#readTree(
    request: { digest: Digest; isFile: boolean },
    lease: Lease,
  ): AsyncIterable<{
    nodes: Uint8Array[];
    objects: { getUrl: string; blobs: { digest: Digest; offset: number; sizeBytes: number }[] }[];
  }> {
    const call = this.#trees.readTree.bind(this.#trees);
    for await (const part of readStream(
      call,
      { ...request, lease },
      { metadata: this.metadata(), address: this.address },
    )) {
      const objects = part.objects.map(({ getUrl, blobs }) => ({
        getUrl,
        blobs: blobs.map((blob) => ({ ...blob, digest: asDigest(blob.digest) })),
      }));
      yield { nodes: part.nodes, objects };
    }
  }

  #context(): Parameters<typeof callUnary>[2] {
    return {
      metadata: this.metadata(),
      address: this.address,
      retryForMs: RETRY_FOR_MS,
      longestPauseMs: this.longestPauseMs,
    };
  }
}

/** As callUnary. The disk of the coordinator, or of its store, is somebody else's to empty: until then attempts wait as for one that is away. */
async function callCoordinator<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  context: Parameters<typeof callUnary>[2],
): Promise<Response> {
  try {
    return await callUnary(method, request, context);
  } catch (error) {
    throw asPassing(error);
  }
}

/** What the coordinator says of a full disk, as an error that is tried again. Pure. */
export function asPassing(error: unknown): unknown {
  if (!(error instanceof SpellError) || error.code !== "exhausted" || error.reason !== "disk-full") return error;
  return new SpellError("unavailable", error.message, { reason: error.reason, cause: error });
}

/** The wire's type says Buffer; the same bytes, not a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asDigest(text: string): Digest {
  if (!isDigest(text)) throw new SpellError("internal", `The coordinator sent "${text}" for a digest.`);
  return text;
}

/** Puts bytes at a presigned URL. Throws `unavailable`, or `exhausted` when the store's disk is full. */
async function putObject(url: string, bytes: Uint8Array): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "PUT",
      body: bytes as Uint8Array<ArrayBuffer>,
      signal: AbortSignal.timeout(60_000),
    });
    await response.arrayBuffer();
  } catch (error) {
    throw new SpellError("unavailable", "The object store cannot be reached.", {
      reason: "store-unavailable",
      cause: error,
    });
  }
  if (response.ok) return;
  if (response.status === 507)
    throw new SpellError("unavailable", "The object store's disk is full.", { reason: "disk-full" });
  throw new SpellError("unavailable", `The object store answered ${response.status}.`, { reason: "store-unavailable" });
}

function toMetricPoint({ name, atUs, index, value }: SpooledPoint): MetricPoint {
  const typed = typeof value === "number" ? { $case: "number" as const, value } : { $case: "text" as const, value };
  return { name, atUs, index, value: typed };
}
