/** Brings a snapshot into the store: asks what is missing, puts only that, commits the root. */
import pLimit from "p-limit";
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { checkCommitSize } from "./commit-size.ts";
import { findMissing } from "./find-missing.ts";
import { objectBody, packOf } from "./object-body.ts";
import { putObject } from "./put-object.ts";
import { MULTIPART_BYTES, putInParts } from "./put-parts.ts";
import { giveRing, takeRing } from "./ring.ts";
import type { Snapshot } from "./snapshot.ts";
import { TREE_KNOWN, TargetSource } from "./target-source.ts";
import type { TransferOptions } from "./transfer.ts";
import { INLINE_PACK_BYTES } from "./transport.ts";
import type { InlinePack, MultipartTransport, StoredObject, TreeTransport } from "./transport.ts";
import type { UploadJournal } from "./upload-journal.ts";
import { objectBytes, placesOf, planObjects } from "./upload-plan.ts";
import type { PlannedBlob } from "./upload-plan.ts";

const OBJECTS_AT_ONCE = 4;
/** Of all trees of this process together: each takes some MiB of memory. A tree queues no more than it may send, so all get on. */
const processLimit = pLimit(6);
/** How often an upload begins anew because something that the store had is gone from it. */
const FRESH_STARTS = 2;
/** Refusals of a commit that tell so. What nobody uses is collected, in the middle of an upload as well. */
const GONE_MEANWHILE = ["missing-blob", "missing-object", "no-such-multipart", "bad-parts"];

/** How far an upload is. */
export interface UploadProgress {
  uploadedBytes: number;
  /** What has to be uploaded in all. */
  totalBytes: number;
  /** Blobs to upload, and those that the store has already. */
  uploadBlobs: number;
  knownBlobs: number;
}

/** Settings of `uploadTree`. */
export interface UploadOptions extends TransferOptions {
  /** Called as bytes go, at most once per piece of 1 MiB. */
  onProgress?: (progress: UploadProgress) => void;
  /**
   * A tree of at most INLINE_PACK_BYTES is sent whole in the one call that commits it, without asking what is known: for trees
   * that are most likely new, such as a run's outputs. Default: false.
   */
  smallInOneCall?: boolean;
  /** What an upload that broke off has put already, and where this one writes down what it puts. Default: none. */
  journal?: UploadJournal;
}

/** What an upload came to. */
export interface UploadResult {
  uploadedBytes: number;
  uploadedBlobs: number;
  /** Blobs (nodes and files) that the store had. */
  knownBlobs: number;
}

/**
 * Uploads what the store lacks and commits the tree. Of an unchanged tree only one call is made. What the store had and has no
 * more when the tree is committed is uploaded after all. Throws conflict
 * (`file-changed`) when a file is no longer what the snapshot saw, unavailable when the store cannot be reached, what the
 * transport throws, or the signal's reason. A failed upload leaves no tree, but objects that nothing points at; with a journal the
 * next one uses them.
 */
export async function uploadTree(
  snapshot: Snapshot,
  transport: TreeTransport,
  options: UploadOptions = {},
): Promise<UploadResult> {
  for (let left = FRESH_STARTS; ; left -= 1) {
    try {
      return await uploadOnce(snapshot, transport, options);
    } catch (error) {
      const isGone = error instanceof SpellError && GONE_MEANWHILE.includes(error.reason);
      if (!isGone || left === 0) throw error;
      options.journal?.clear();
    }
  }
}

async function uploadOnce(snapshot: Snapshot, transport: TreeTransport, options: UploadOptions): Promise<UploadResult> {
  options.signal?.throwIfAborted();
  const blobCount = snapshot.nodes.size + snapshot.files.size;
  const pack = options.smallInOneCall === true ? inlinePack(snapshot) : undefined;
  if (pack !== undefined) {
    await transport.commitTree({ root: snapshot.root, objects: [], nodes: [...snapshot.nodes.values()], pack });
    return { uploadedBytes: pack.content.length, uploadedBlobs: blobCount, knownBlobs: 0 };
  }
  const atMost = planObjects(
    [...snapshot.nodes.keys(), ...snapshot.files.keys()].map((digest) => planned(snapshot, digest)),
  );
  const missing = await findMissing(snapshot, { transport, targets: Math.min(OBJECTS_AT_ONCE, atMost.length) });
  if (missing === undefined) return { uploadedBytes: 0, uploadedBlobs: 0, knownBlobs: blobCount };
  const wanted = new Set([...missing.nodes, ...missing.files]);
  const kept = (options.journal?.objects() ?? []).filter(({ blobs }) => blobs.some(({ digest }) => wanted.has(digest)));
  const uploadedBlobs = wanted.size;
  for (const { digest } of kept.flatMap(({ blobs }) => blobs)) wanted.delete(digest);
  const plan = planObjects([...wanted].map((digest) => planned(snapshot, digest)));
  const nodes = missing.nodes.flatMap((digest) => snapshot.nodes.get(digest) ?? []);
  checkCommitSize({ nodes, blobs: uploadedBlobs, objects: kept.length + plan.length });
  const targets = new TargetSource({ transport, targets: missing.targets, wanted: plan.length, digest: snapshot.root });
  const totalBytes = plan.reduce((sum, blobs) => sum + objectBytes(blobs), 0);
  let put: PutObjects;
  try {
    put = await putAll({ plan, targets, multiparts: transport.multiparts, totalBytes, blobCount, options });
  } catch (error) {
    if (!(error instanceof SpellError) || error.reason !== TREE_KNOWN) throw error;
    return { uploadedBytes: 0, uploadedBlobs: 0, knownBlobs: blobCount };
  }
  await transport.commitTree({ root: snapshot.root, objects: [...kept, ...put.objects], nodes });
  if (plan.length > 1 || kept.length > 0 || plan.some(isInParts)) options.journal?.clear();
  return { uploadedBytes: totalBytes - put.keptBytes, uploadedBlobs, knownBlobs: blobCount - uploadedBlobs };
}

/** The whole tree as one pack; undefined when it is too large. */
function inlinePack(snapshot: Snapshot): InlinePack | undefined {
  const blobs = [...snapshot.nodes.keys(), ...snapshot.files.keys()].map((digest) => planned(snapshot, digest));
  const sizeBytes = blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
  if (sizeBytes > INLINE_PACK_BYTES) return undefined;
  return { content: packOf(blobs), blobs: placesOf(blobs) };
}

function planned(snapshot: Snapshot, digest: Digest): PlannedBlob {
  const node = snapshot.nodes.get(digest);
  if (node !== undefined) return { digest, sizeBytes: node.length, source: node };
  const file = snapshot.files.get(digest);
  if (file === undefined) throw new SpellError("internal", `The snapshot lacks the place of its own blob ${digest}.`);
  return { digest, sizeBytes: file.sizeBytes, source: file.path };
}

interface Upload {
  plan: PlannedBlob[][];
  targets: TargetSource;
  multiparts: MultipartTransport | undefined;
  totalBytes: number;
  /** Of the whole tree. */
  blobCount: number;
  options: UploadOptions;
}

interface PutObjects {
  objects: StoredObject[];
  /** Of them, what an earlier upload had put. */
  keptBytes: number;
}

async function putAll({ plan, targets, multiparts, totalBytes, blobCount, options }: Upload): Promise<PutObjects> {
  // The first failure ends the others: their objects would be of no use.
  const failed = new AbortController();
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  let uploadedBytes = 0;
  let keptBytes = 0;
  const onKept = (bytes: number): void => void (keptBytes += bytes);
  const uploadBlobs = plan.reduce((sum, blobs) => sum + blobs.length, 0);
  const knownBlobs = blobCount - uploadBlobs;
  const onBytes = (bytes: number): void => {
    uploadedBytes += bytes;
    options.onProgress?.({ uploadedBytes, totalBytes, uploadBlobs, knownBlobs });
  };
  const limit = pLimit(OBJECTS_AT_ONCE);
  const jobs = plan.map((blobs) =>
    limit(async () => {
      try {
        const object = await processLimit(() => {
          signal.throwIfAborted();
          return putBlobs(blobs, { targets, multiparts, onBytes, onKept, options: { ...options, signal } });
        });
        if (plan.length > 1 || isInParts(blobs)) options.journal?.add(object);
        return object;
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  const outcomes = await Promise.allSettled(jobs);
  options.signal?.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
  const objects = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  return { objects, keptBytes };
}

async function putBlobs(
  blobs: PlannedBlob[],
  given: Pick<Upload, "targets" | "multiparts" | "options"> & Record<"onBytes" | "onKept", (bytes: number) => void>,
): Promise<StoredObject> {
  const { targets, multiparts, onBytes, onKept, options } = given;
  const sizeBytes = objectBytes(blobs);
  const places = placesOf(blobs);
  const [first] = blobs;
  if (multiparts !== undefined && isInParts(blobs) && typeof first?.source === "string") {
    const { digest, source: path } = first;
    const request = { transport: multiparts, journal: options.journal, onBytes, onKept, options };
    return { objectKey: await putInParts({ digest, sizeBytes, path }, request), sizeBytes, blobs: places };
  }
  const ring = takeRing();
  try {
    const body = objectBody(blobs, { places, ring });
    const { objectKey } = await putObject({ sizeBytes, body, nextTarget: () => targets.next(), onBytes, options });
    return { objectKey, sizeBytes, blobs: places };
  } finally {
    giveRing(ring);
  }
}

/** Whether it is one large blob. */
function isInParts(blobs: readonly PlannedBlob[]): boolean {
  return blobs.length === 1 && objectBytes(blobs) >= MULTIPART_BYTES;
}
