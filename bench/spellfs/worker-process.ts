/** The process that does SpellFS's work, seen from the benchmark: asked over a pipe, ended at the end. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Digest } from "@spell/domain";

/** As bin/spell starts Node. */
const NODE_ARGS = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=16"];

/** Take a snapshot of the folder and bring it to the store. */
export interface UploadRequest {
  work: "upload";
  folder: string;
  /** Where indexes of snapshots lie. */
  indexes: string;
}

/** Lay the tree out in a cache. */
export interface MountRequest {
  work: "mount";
  root: Digest;
  cache: string;
}

/** Take a file of this disk for the output of a run, and lay out a tree with it. */
export interface AdoptRequest {
  work: "adopt";
  file: string;
  digest: Digest;
  cache: string;
}

export type WorkerRequest = UploadRequest | MountRequest | AdoptRequest;

export interface WorkerAnswer {
  root: Digest;
  /** In the order in which they were done, milliseconds. */
  steps: [name: string, ms: number][];
  /** Through all sockets of the process. */
  sentBytes: number;
  /** The most that was resident in memory meanwhile. */
  peakMebibytes: number;
}

export interface WorkerProcess extends AsyncDisposable {
  perform(request: WorkerRequest): Promise<WorkerAnswer>;
}

/** Starts it; `environment` says which farm it works with. */
export async function startWorker(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<WorkerProcess> {
  const worker = fileURLToPath(new URL("./worker.ts", import.meta.url));
  const child = fork(worker, { env: environment, execArgv: NODE_ARGS, signal });
  child.on("error", () => undefined); // Being ended by the signal is no news.
  await answerOf(child);
  return {
    perform: async (request) => {
      signal.throwIfAborted();
      child.send(request);
      const answer = (await answerOf(child)) as WorkerAnswer | { failure: string };
      if ("failure" in answer) throw new Error(`SpellFS's work failed: ${answer.failure}`);
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const gone = new AbortController();
  const lost = once(child, "exit", { signal: gone.signal }).then(([code, killedBy]) => {
    throw new Error(`the process that does SpellFS's work ended with ${String(code ?? killedBy)}`);
  });
  try {
    const [answer] = (await Promise.race([once(child, "message", { signal: gone.signal }), lost])) as [unknown];
    return answer;
  } finally {
    lost.catch(() => undefined);
    gone.abort();
  }
}
