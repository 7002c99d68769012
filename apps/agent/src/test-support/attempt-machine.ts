/** A machine on which attempts live: real parts of an agent, which may die at any of their calls, and the world around it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest, LogEntry } from "@spell/domain";
import { createMemoryBus } from "@spell/event-bus/memory";
import { createLogger } from "@spell/logging";
import type { AttemptResult, AttemptSpec, Lease } from "@spell/rpc";
import { decodeNode, openTreeCache, snapshotDirectory, uploadTree, wrap } from "@spell/spellfs";
import type { TreeCache } from "@spell/spellfs";
import { MemoryTransport, ObjectServer } from "@spell/spellfs/test-support";
import { tempFolder, toolPath, waitFor } from "@spell/testing";
import { expect } from "vitest";
import { AttemptJournal, attemptDirOf, openJournals } from "../attempt-journal.ts";
import type { AttemptServices } from "../attempt-services.ts";
import { Attempt } from "../attempt.ts";
import type { Execution } from "../executors/executor.ts";
import { SandboxExecutor } from "../executors/sandbox.ts";
import { LogShipper } from "../logs/log-shipper.ts";
import { testArchive } from "../logs/log-shipper.test-support.ts";
import { GpuReader } from "../stats/gpu-reader.ts";
import { Crasher } from "./crash-point.ts";
import type { CrashPoint } from "./crash-point.ts";

const lease: Lease = { runId: 7, attempt: 1, token: "t" };
const executor = new SandboxExecutor({ bwrap: toolPath("bwrap") });
export const noCrash: CrashPoint = { call: Number.POSITIVE_INFINITY, when: "before" };

/** A machine with an agent's folders on it, and the world outside: object store, tree records, archive. */
export async function machine() {
  const folder = await tempFolder("spell-attempt-");
  const server = await ObjectServer.start();
  const transport = new MemoryTransport(server);
  const archive = testArchive();
  const code = join(folder.path, "code");
  mkdirSync(code);
  writeFileSync(join(code, "old.txt"), "old\n");
  const snapshot = wrap("proj", await snapshotDirectory({ directory: code, gitAware: false }));
  await uploadTree(snapshot, transport);
  const dataDir = join(folder.path, "agent");
  mkdirSync(dataDir);
  const shippers: LogShipper[] = [];

  /** The agent's parts in one of its lives. */
  const live = async (crasher: Crasher): Promise<AttemptServices> => {
    const cache: TreeCache = await openTreeCache({ directory: join(dataDir, "cache") });
    const watched = (execution: Execution): Execution => crasher.watch(execution, "execution");
    return {
      executor: crasher.watch(
        {
          name: executor.name,
          check: () => executor.check(),
          start: async (spec) => watched(await executor.start(spec)),
          adopt: async (attemptDir) => {
            const execution = await executor.adopt(attemptDir);
            return execution && watched(execution);
          },
        } satisfies AttemptServices["executor"],
        "executor",
      ),
      cache: crasher.watch(cache, "cache"),
      log: createLogger({ name: "agent", level: "fatal" }),
      bootId: "boot",
      gpuReader: new GpuReader({}),
      stopGraceMs: 1_000,
      trees: () => crasher.watch(transport, "trees"),
      openLog: async (_lease, attemptDir) => {
        const shipper = await LogShipper.open({
          runId: lease.runId,
          attempt: lease.attempt,
          attemptDir,
          spoolPath: join(attemptDir, "output.log"),
          bus: createMemoryBus(),
          archive: crasher.watch(archive, "archive"),
        });
        shippers.push(shipper);
        return crasher.watch(shipper, "log");
      },
      openMetrics: async () =>
        crasher.watch({ finish: () => Promise.resolve(), stop: () => Promise.resolve() }, "metrics"),
      executionBase: (spec) => ({
        command: spec.command,
        workingDirectory: "/spell/proj",
        environment: { PATH: "/usr/local/bin:/usr/bin:/bin" },
        extras: [],
        hidden: [dataDir],
      }),
      leftBehind: () => undefined,
      changed: () => undefined,
      changedUnhurried: () => undefined,
    };
  };
  return {
    server,
    transport,
    archive,
    code: snapshot.root,
    dataDir,
    live,
    /** A crash takes the shipper with it. */
    stopShippers: () => Promise.all(shippers.splice(0).map((shipper) => shipper.stop())),
    [Symbol.asyncDispose]: async () => {
      for (const shipper of shippers) await shipper.stop();
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export type Machine = Awaited<ReturnType<typeof machine>>;

const COMMAND =
  "echo one; echo new > a.txt; mkdir -p deep/er; echo more > deep/er/b.txt; ln -s a.txt c; echo two; exit 3";

function specOf(codeTree: Digest): AttemptSpec {
  return {
    ...{ command: COMMAND, machineType: "CPU", slots: [0], codeTree, codeRoot: "proj", cwd: "" },
    ...{ environment: {}, mounts: [], master: false },
  };
}

export async function begin(on: Machine, crasher: Crasher, more: Partial<AttemptSpec> = {}): Promise<Attempt> {
  return beginWith(on, await on.live(crasher), more);
}

export function beginWith(on: Machine, services: AttemptServices, more: Partial<AttemptSpec> = {}): Attempt {
  const arrival = { lease, bootId: "boot", spec: { ...specOf(on.code), ...more } };
  const attempt = new Attempt(services, AttemptJournal.create(attemptDirOf(on.dataDir, lease), arrival));
  attempt.resume();
  return attempt;
}

/** What the agent finds on its disk when it is started again. */
export async function resume(on: Machine): Promise<Attempt> {
  const { found, broken } = openJournals(on.dataDir);
  expect(broken).toEqual([]);
  const [left] = found;
  if (left === undefined) throw new Error("no attempt on the disk");
  const attempt = new Attempt(await on.live(new Crasher(noCrash)), left);
  attempt.resume();
  return attempt;
}

export async function resultOf(attempt: Attempt): Promise<AttemptResult | undefined> {
  await waitFor("the result", () => attempt.ended, { timeoutMs: 20_000 });
  return attempt.report().result;
}

export function pathsIn(transport: MemoryTransport, root: string, prefix = ""): string[] {
  const node = transport.nodes.get(root as Digest);
  if (node === undefined) throw new Error(`no tree ${root}`);
  return decodeNode(node).flatMap((entry) => {
    const path = `${prefix}${entry.name}`;
    return entry.kind === "directory" ? pathsIn(transport, entry.digest, `${path}/`) : [path];
  });
}

export function textsOf(entries: readonly LogEntry[]): string[] {
  return entries.map((entry) => entry.text);
}
