/**
 * A process that does SpellFS's work the way the command line and the agent do it, one request after the other, and tells how
 * long each step took, what left through its sockets and how much memory was in use at most. Started by worker-process.ts.
 */
import { channel } from "node:diagnostics_channel";
import { linkSync, mkdirSync, rmSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import { encodeNode, digestOf, openSnapshotIndex, openTreeCache, snapshotDirectory, uploadTree } from "@spell/spellfs";
import type { TreeTransport } from "@spell/spellfs";
import { SpellClient, loadConfiguration } from "@spell/sdk";
import { peakMebibytes, resetPeak } from "../processes.ts";
import type { AdoptRequest, MountRequest, UploadRequest, WorkerAnswer, WorkerRequest } from "./worker-process.ts";

type Done = Pick<WorkerAnswer, "root" | "steps">;

const sockets = new Set<Socket>();
channel("net.client.socket").subscribe((message) => void sockets.add((message as { socket: Socket }).socket));

const client = new SpellClient(loadConfiguration(process.env));
process.on("disconnect", () => process.exit(0));
process.on("message", (request: WorkerRequest) => {
  void perform(request).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.send?.("ready");

async function perform(request: WorkerRequest): Promise<WorkerAnswer> {
  resetPeak(process.pid);
  const sentBefore = sentBytes();
  const answer = await work(request);
  return { ...answer, sentBytes: sentBytes() - sentBefore, peakMebibytes: peakMebibytes(process.pid) };
}

function work(request: WorkerRequest): Promise<Done> {
  if (request.work === "upload") return upload(request);
  if (request.work === "mount") return mount(request);
  return mountOutput(request);
}

/** What `spell run` and `spell upload` do. */
async function upload({ folder, indexes }: UploadRequest): Promise<Done> {
  const clock = startClock();
  const index = openSnapshotIndex({ indexes, folder });
  clock("load the index");
  const snapshot = await snapshotDirectory({ directory: folder, gitAware: false, index });
  clock("walk and hash");
  index.save();
  clock("save the index");
  const watched = watch(client.trees);
  await uploadTree(snapshot, watched.transport);
  const steps = clock("send");
  const calls = Object.entries(watched.spentMs).map(([name, ms]): [string, number] => [name, ms]);
  const calledMs = calls.reduce((sum, [, ms]) => sum + ms, 0);
  return {
    root: snapshot.root,
    steps: [...steps.slice(0, -1), ...calls, ["read again, hash and put", lastOf(steps) - calledMs]],
  };
}

/** What an agent does with an empty cache: until the folder that a run mounts is there. */
async function mount({ root, cache }: MountRequest): Promise<Done> {
  const trees = await openTreeCache({ directory: cache });
  const clock = startClock();
  const watched = watch(client.trees);
  await trees.ensureTree(root, watched.transport);
  const steps = clock("fetch, check and lay out");
  const readMs = watched.spentMs["ReadTree"] ?? 0;
  return {
    root,
    steps: [
      ["ReadTree", readMs],
      ["fetch, check and lay out", lastOf(steps) - readMs],
    ],
  };
}

/** What an agent does with a file that a run of its own wrote, when the next stage mounts it: no byte is to be copied. */
async function mountOutput({ file, digest, cache }: AdoptRequest): Promise<Done> {
  const trees = await openTreeCache({ directory: cache });
  const written = join(cache, "written");
  mkdirSync(dirname(written), { recursive: true });
  linkSync(file, written);
  const { ino, size: sizeBytes } = statSync(file);
  const node = encodeNode([{ kind: "file", name: "output", executable: false, sizeBytes, digest }]);
  const root = digestOf(node);
  // The record's part of it: the tree's node. The bytes are not asked for, so no place of theirs is given.
  const transport: TreeTransport = {
    findMissing: (request) => client.trees.findMissing(request),
    commitTree: (request) => client.trees.commitTree(request),
    readTree: async function* () {
      yield await Promise.resolve({ nodes: [node], objects: [] });
    },
  };
  const clock = startClock();
  await trees.adopt({ path: written, digest, executable: false });
  clock("move into the cache");
  const path = await trees.ensureTree(root, transport);
  const steps = clock("lay out");
  if (statSync(join(path, "output")).ino !== ino) throw new Error("the output was copied");
  rmSync(path, { recursive: true });
  return { root, steps };
}

/** Adds up what the calls to the coordinator take. */
function watch(trees: TreeTransport): { transport: TreeTransport; spentMs: Record<string, number> } {
  const spentMs: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      spentMs[name] = (spentMs[name] ?? 0) + performance.now() - startedAt;
    }
  };
  const transport: TreeTransport = {
    multiparts: trees.multiparts,
    findMissing: (request) => timed("FindMissing", () => trees.findMissing(request)),
    commitTree: (request) => timed("CommitTree", () => trees.commitTree(request)),
    readTree: async function* (request) {
      const parts = trees.readTree(request)[Symbol.asyncIterator]();
      for (;;) {
        const next = await timed("ReadTree", () => parts.next());
        if (next.done) return;
        yield next.value;
      }
    },
  };
  return { transport, spentMs };
}

/** Each call ends a step. */
function startClock(): (step: string) => [string, number][] {
  const steps: [string, number][] = [];
  let startedAt = performance.now();
  return (step) => {
    const now = performance.now();
    steps.push([step, now - startedAt]);
    startedAt = now;
    return steps;
  };
}

function lastOf(steps: readonly [string, number][]): number {
  return steps.at(-1)?.[1] ?? 0;
}

function sentBytes(): number {
  return [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
}
