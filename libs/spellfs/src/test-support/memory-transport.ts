/** A coordinator's side of TreeTransport in memory, with its checks: double of our own interface for tests. */
import { invalidInput, notFound } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { checkTree } from "../check.ts";
import { decodeNode, digestOf } from "../node.ts";
import type { BlobPlace, ObjectSource, TreeCommit, TreeTransport, UploadTarget } from "../transport.ts";
import type { ObjectServer } from "./object-server.ts";

/** Keeps records in memory and objects in the given server. */
export class MemoryTransport implements TreeTransport {
  readonly calls: string[] = [];
  /** Digests asked about, per call of findMissing. */
  readonly questions: number[] = [];
  readonly nodes = new Map<Digest, Uint8Array>();
  readonly places = new Map<Digest, BlobPlace & { objectKey: string }>();
  readonly #server: ObjectServer;
  #targets = 0;

  constructor(server: ObjectServer) {
    this.#server = server;
  }

  findMissing(request: {
    digests: Digest[];
    targets: number;
    nodes?: number;
  }): Promise<{ missing: Digest[]; targets: UploadTarget[] }> {
    this.calls.push("findMissing");
    this.questions.push(request.digests.length);
    const isKnown = (digest: Digest, index: number): boolean =>
      this.places.has(digest) && (index >= (request.nodes ?? 0) || this.nodes.has(digest));
    const missing = request.digests.filter((digest, index) => !isKnown(digest, index));
    const count = missing.length === 0 ? 0 : request.targets;
    const targets = Array.from({ length: count }, () => {
      const objectKey = `object-${(this.#targets += 1)}`;
      return { objectKey, putUrl: this.#server.url(objectKey) };
    });
    return Promise.resolve({ missing, targets });
  }

  async commitTree({ pack, ...request }: TreeCommit): Promise<void> {
    this.calls.push("commitTree");
    const objects = [...request.objects];
    if (pack !== undefined) {
      const objectKey = `pack-${this.calls.length}`;
      this.#server.objects.set(objectKey, Buffer.from(pack.content));
      objects.push({ objectKey, sizeBytes: pack.content.length, blobs: pack.blobs });
    }
    const inline = new Map(request.nodes.map((bytes) => [digestOf(bytes), bytes]));
    const checked = await checkTree(request.root, (digest) => inline.get(digest) ?? this.nodes.get(digest));
    const places = new Map(this.places);
    for (const object of objects) {
      const bytes = this.#server.objects.get(object.objectKey);
      if (bytes?.length !== object.sizeBytes) throw invalidInput(`${object.objectKey} was not uploaded whole`);
      for (const blob of object.blobs) {
        if (digestOf(bytes.subarray(blob.offset, blob.offset + blob.sizeBytes)) !== blob.digest) {
          throw invalidInput(`${blob.digest} does not lie where it is said to`);
        }
        places.set(blob.digest, { ...blob, objectKey: object.objectKey });
      }
    }
    for (const digest of [...checked.files.keys(), ...checked.nodes]) {
      if (!places.has(digest)) throw invalidInput(`${digest} was not uploaded`);
    }
    for (const [digest, place] of places) this.places.set(digest, place);
    for (const [digest, bytes] of inline) this.nodes.set(digest, bytes);
  }

  async *readTree(request: {
    digest: Digest;
    isFile: boolean;
  }): AsyncGenerator<{ nodes: Uint8Array[]; objects: ObjectSource[] }> {
    this.calls.push("readTree");
    await Promise.resolve();
    if (request.isFile) {
      yield { nodes: [], objects: [this.#source(request.digest)] };
      return;
    }
    const queue = [request.digest];
    for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
      const bytes = this.nodes.get(digest);
      if (bytes === undefined) throw notFound(`no tree ${digest}`);
      const entries = decodeNode(bytes);
      const files = entries.flatMap((entry) => (entry.kind === "file" ? [this.#source(entry.digest)] : []));
      queue.push(...entries.flatMap((entry) => (entry.kind === "directory" ? [entry.digest] : [])));
      yield { nodes: [bytes], objects: merged(files) };
    }
  }

  #source(digest: Digest): ObjectSource {
    const place = this.places.get(digest);
    if (place === undefined) throw notFound(`no blob ${digest}`);
    const { objectKey, ...blob } = place;
    return { getUrl: this.#server.url(objectKey), blobs: [blob] };
  }
}

function merged(sources: ObjectSource[]): ObjectSource[] {
  const byUrl = new Map<string, ObjectSource>();
  for (const { getUrl, blobs } of sources) {
    const known = byUrl.get(getUrl) ?? { getUrl, blobs: [] };
    known.blobs.push(...blobs);
    byUrl.set(getUrl, known);
  }
  return [...byUrl.values()];
}
