/** `client.trees`: the records of trees, as @spell/spellfs wants them for uploads and downloads. Bytes go elsewhere. */
import { SpellError, isDigest } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { BlobPlace as BlobPlaceRecord, Lease } from "@spell/rpc";
import type { BlobPlace, MultipartTransport, TreeTransport } from "@spell/spellfs";
import type { Connection } from "./connection.ts";

type Requests = {
  findMissing: Parameters<TreeTransport["findMissing"]>[0];
  commitTree: Parameters<TreeTransport["commitTree"]>[0];
  readTree: Parameters<TreeTransport["readTree"]>[0];
};

export class TreesService implements TreeTransport {
  /** Large objects, put in parts. */
  readonly multiparts: MultipartTransport;
  readonly #connection: Connection;
  readonly #lease: Lease | undefined;

  /** Made by SpellClient. */
  constructor(connection: Connection, lease?: Lease) {
    this.#connection = connection;
    this.#lease = lease;
    const client = connection.trees;
    this.multiparts = {
      start: (request) => connection.unary(client.startMultipart.bind(client), { ...request, lease }),
      presignParts: async (request) =>
        (await connection.unary(client.presignParts.bind(client), { ...request, lease })).putUrls,
      listParts: async ({ objectKey }) =>
        (await connection.unary(client.listParts.bind(client), { objectKey, lease })).parts,
      complete: async ({ objectKey, parts }) => {
        const message = { objectKey, parts: parts.map((part) => ({ ...part, sizeBytes: 0 })), lease };
        await connection.unary(client.completeMultipart.bind(client), message);
      },
      abort: async ({ objectKey }) => {
        await connection.unary(client.abortMultipart.bind(client), { objectKey, lease });
      },
    };
  }

  /** The same in the name of an attempt that an agent holds. */
  withLease(lease: Lease): TreesService {
    return new TreesService(this.#connection, lease);
  }

  /** Which blobs the store lacks, and where to put them. */
  async findMissing(request: Requests["findMissing"]): ReturnType<TreeTransport["findMissing"]> {
    const client = this.#connection.trees;
    const message = { ...request, lease: this.#lease };
    const { missing, targets } = await this.#connection.unary(client.findMissing.bind(client), message);
    return { missing: missing.map(toDigest), targets };
  }

  /** Makes an uploaded tree valid. Throws `invalid-input` naming the offending path. */
  async commitTree(request: Requests["commitTree"]): Promise<void> {
    const client = this.#connection.trees;
    // The wire's type says Buffer; any bytes are encoded alike.
    const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const pack = request.pack && { content: toBuffer(request.pack.content), blobs: request.pack.blobs };
    const message = { ...request, nodes: request.nodes.map(toBuffer), pack, lease: this.#lease };
    await this.#connection.unary(client.commitTree.bind(client), message);
  }

  /** Directory nodes of a tree and where its blobs lie. Throws `not-found`. */
  async *readTree(request: Requests["readTree"]): ReturnType<TreeTransport["readTree"]> {
    const client = this.#connection.trees;
    const message = { ...request, lease: this.#lease };
    for await (const { nodes, objects } of this.#connection.stream(client.readTree.bind(client), message)) {
      yield { nodes, objects: objects.map(({ getUrl, blobs }) => ({ getUrl, blobs: blobs.map(toPlace) })) };
    }
  }
}

function toPlace({ digest, offset, sizeBytes }: BlobPlaceRecord): BlobPlace {
  return { digest: toDigest(digest), offset, sizeBytes };
}

/** A digest of an answer's. Throws `internal` for anything else. */
export function toDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new SpellError("internal", `The coordinator named a blob "${text.slice(0, 80)}", which is no digest.`);
}
