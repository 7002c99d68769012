/** One attempt on real parts (sandbox, cache, log shipper), killed at every call it makes of them, and resumed. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest, LogEntry } from "@spell/domain";
import { SpellError } from "@spell/domain";
import { createMemoryBus } from "@spell/event-bus/memory";
import { createLogger } from "@spell/logging";
import type { AttemptResult, AttemptSpec, Lease } from "@spell/rpc";
import { decodeNode, openTreeCache, snapshotDirectory, uploadTree, wrap } from "@spell/spellfs";
import type { TreeCache, TreeTransport } from "@spell/spellfs";
import { MemoryTransport, ObjectServer } from "@spell/spellfs/test-support";
import { tempFolder, toolPath, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { AttemptJournal, attemptDirOf, openJournals } from "./attempt-journal.ts";
import type { AttemptServices } from "./attempt-services.ts";
import { Attempt } from "./attempt.ts";
import type { Execution } from "./executors/executor.ts";
import { SandboxExecutor } from "./executors/sandbox.ts";
import { LogShipper } from "./logs/log-shipper.ts";
import { GpuReader } from "./stats/gpu-reader.ts";
import { testArchive } from "./logs/log-shipper.test-support.ts";
import { Crasher } from "./test-support/crash-point.ts";
import type { CrashPoint } from "./test-support/crash-point.ts";

const lease: Lease = { runId: 7, attempt: 1, token: "t" };
const executor = new SandboxExecutor({ bwrap: toolPath("bwrap") });
const noCrash: CrashPoint = { call: Number.POSITIVE_INFINITY, when: "before" };

/** A machine with an agent's folders on it, and the world outside: object store, tree records, archive. */
async function machine() {
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
      changed: () => undefined,
      changedUnhurried: () => undefined,
    };
  };
  return {
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

type Machine = Awaited<ReturnType<typeof machine>>;

const COMMAND =
  "echo one; echo new > a.txt; mkdir -p deep/er; echo more > deep/er/b.txt; ln -s a.txt c; echo two; exit 3";

function specOf(codeTree: Digest): AttemptSpec {
  return {
    ...{ command: COMMAND, machineType: "CPU", slots: [0], codeTree, codeRoot: "proj", cwd: "" },
    ...{ environment: {}, mounts: [], master: false },
  };
}

async function begin(on: Machine, crasher: Crasher, more: Partial<AttemptSpec> = {}): Promise<Attempt> {
  return beginWith(on, await on.live(crasher), more);
}

function beginWith(on: Machine, services: AttemptServices, more: Partial<AttemptSpec> = {}): Attempt {
  const arrival = { lease, bootId: "boot", spec: { ...specOf(on.code), ...more } };
  const attempt = new Attempt(services, AttemptJournal.create(attemptDirOf(on.dataDir, lease), arrival));
  attempt.resume();
  return attempt;
}

/** What the agent finds on its disk when it is started again. */
async function resume(on: Machine): Promise<Attempt> {
  const { found, broken } = openJournals(on.dataDir);
  expect(broken).toEqual([]);
  const [left] = found;
  if (left === undefined) throw new Error("no attempt on the disk");
  const attempt = new Attempt(await on.live(new Crasher(noCrash)), left);
  attempt.resume();
  return attempt;
}

async function resultOf(attempt: Attempt): Promise<AttemptResult | undefined> {
  await waitFor("the result", () => attempt.ended, { timeoutMs: 20_000 });
  return attempt.report().result;
}

function pathsIn(transport: MemoryTransport, root: string, prefix = ""): string[] {
  const node = transport.nodes.get(root as Digest);
  if (node === undefined) throw new Error(`no tree ${root}`);
  return decodeNode(node).flatMap((entry) => {
    const path = `${prefix}${entry.name}`;
    return entry.kind === "directory" ? pathsIn(transport, entry.digest, `${path}/`) : [path];
  });
}

function textsOf(entries: readonly LogEntry[]): string[] {
  return entries.map((entry) => entry.text);
}

const LOG = [
  "Run is building",
  "Run is running",
  "one",
  "two",
  "Run is saving",
  "Run is pushing",
  "Found 2 new or modified files (9 bytes)",
];

async function expectWhole(on: Machine, result: AttemptResult | undefined): Promise<void> {
  expect(result).toMatchObject({ exitCode: 3, cause: "exit", logEntries: LOG.length });
  expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["a.txt", "c", "deep/er/b.txt"]);
  expect(textsOf(await on.archive.entries())).toEqual(LOG);
}

describe("an attempt", () => {
  test("killed before or after any call of its parts, goes on: one log, all outputs, one result", async () => {
    const calls = new Crasher(noCrash);
    {
      await using on = await machine();
      const attempt = await begin(on, calls);
      await expectWhole(on, await resultOf(attempt));
      await attempt.abandon();
      expect(readdirSync(join(on.dataDir, "attempts"))).toEqual([]);
    }
    // The calls of a whole life, `abandon` among them, whose crash points say nothing about the result.
    const count = calls.calls.lastIndexOf("archive.store") + 1;
    expect(calls.calls.slice(0, count)).toEqual(
      expect.arrayContaining([
        "executor.start",
        "execution.written",
        "trees.commitTree",
        "cache.adopt",
        "archive.store",
      ]),
    );
    const points = Array.from({ length: count }, (_, index) => index + 1).flatMap((call) => [
      { call, when: "before" as const },
      { call, when: "after" as const },
    ]);
    for (const point of points) {
      await using on = await machine();
      const crasher = new Crasher(point);
      await begin(on, crasher);
      await crasher.died;
      await on.stopShippers();
      const attempt = await resume(on);
      const what = `killed ${point.when} call ${point.call}, ${calls.calls[point.call - 1] ?? ""}`;
      await expectWhole(on, await resultOf(attempt)).catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      await attempt.abandon();
      expect(readdirSync(join(on.dataDir, "attempts")), what).toEqual([]);
    }
  }, 120_000);

  test("files that no tree can hold are named in the log and cost nothing else", async () => {
    await using on = await machine();
    const command = "touch good; touch $'bad\\nname' $'\\377'; ln -s /etc/passwd out";
    const attempt = await begin(on, new Crasher(noCrash), { command });
    const result = await resultOf(attempt);
    expect(result).toMatchObject({ exitCode: 0, cause: "exit" });
    expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["good"]);
    const log = textsOf(await on.archive.entries()).join("\n");
    expect(log).toContain('Left out of the outputs: "bad\\nname" (');
    expect(log).toContain('Left out of the outputs: "\ufffd" (its name is not UTF-8)');
    expect(log).toContain('Left out of the outputs: "out" (');
    await attempt.abandon();
  });

  test("outputs that cannot be moved into the cache are stored all the same", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    const full = new SpellError("exhausted", "The disk is full.", { reason: "disk-full" });
    const cache: TreeCache = {
      ensureTree: (...request) => services.cache.ensureTree(...request),
      ensureFile: (...request) => services.cache.ensureFile(...request),
      hasBlob: (digest) => services.cache.hasBlob(digest),
      findBlobs: (...request) => services.cache.findBlobs(...request),
      sendBlobs: (...request) => services.cache.sendBlobs(...request),
      hold: (holder, contents) => services.cache.hold(holder, contents),
      release: (holder) => services.cache.release(holder),
      trim: () => services.cache.trim(),
      size: () => services.cache.size(),
      adopt: () => Promise.reject(full),
      keepNodes: (nodes) => services.cache.keepNodes(nodes),
    };
    const attempt = beginWith(on, { ...services, cache });
    await expectWhole(on, await resultOf(attempt));
    await attempt.abandon();
  });

  test("the next stage on this machine asks nobody for the outputs and copies none of their bytes", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    const command = `mkdir -p d/e; echo a > d/e/f; truncate -s 64M sparse; echo x > run; chmod +x run; stat -c %i d/e/f sparse run`;
    const attempt = beginWith(on, services, { command });
    const result = await resultOf(attempt);
    await attempt.abandon();
    const nobody: TreeTransport = {
      findMissing: () => Promise.reject(new Error("asked")),
      commitTree: () => Promise.reject(new Error("asked")),
      readTree: () => {
        throw new Error("asked");
      },
    };
    const path = await services.cache.ensureTree(result?.outputTree as Digest, nobody);
    const log = textsOf(await on.archive.entries());
    const found = ["d/e/f", "sparse", "run"].map((name) => String(statSync(join(path, name)).ino));
    expect(log).toEqual(expect.arrayContaining(found));
    expect(statSync(join(path, "sparse"))).toMatchObject({ size: 64 * 2 ** 20, blocks: 0 });
  });

  test("outputs wait for a store that is away, and the log says what is waited for", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    let left = 2;
    const trees = (): TreeTransport => ({
      findMissing: (request) => on.transport.findMissing(request),
      readTree: (request) => on.transport.readTree(request),
      commitTree: (request) =>
        left-- > 0
          ? Promise.reject(new SpellError("unavailable", "The object store does not answer."))
          : on.transport.commitTree(request),
    });
    const attempt = beginWith(on, { ...services, trees });
    const result = await resultOf(attempt);
    expect(pathsIn(on.transport, result?.outputTree ?? "")).toEqual(["a.txt", "c", "deep/er/b.txt"]);
    const waiting = textsOf(await on.archive.entries()).filter((text) => text.startsWith("Waiting"));
    expect(waiting).toEqual(["Waiting, and trying again: The object store does not answer."]);
    await attempt.abandon();
  });

  test("what a run uses stays in the cache while it runs, also when the agent was started again in between", async () => {
    await using on = await machine();
    const before = await begin(on, new Crasher(noCrash), { command: "touch up; sleep 600" });
    await waitFor("the run", () => before.report().phase === "running");
    await before.detach();
    const small = await openTreeCache({ directory: join(on.dataDir, "cache"), limitBytes: 1 });
    const services = { ...(await on.live(new Crasher(noCrash))), cache: small };
    const [left] = openJournals(on.dataDir).found;
    if (left === undefined) throw new Error("no attempt on the disk");
    const attempt = new Attempt(services, left);
    attempt.resume();
    await small.trim();
    const trees = (): string[] => readdirSync(join(on.dataDir, "cache/trees"));
    expect(trees()).toEqual([on.code]);
    attempt.request("kill");
    await resultOf(attempt);
    await attempt.abandon();
    await small.trim();
    expect(trees()).toEqual([]);
  });

  test("a log that cannot be opened for lack of room ends the run with that reason", async () => {
    await using on = await machine();
    const services = await on.live(new Crasher(noCrash));
    const full = Object.assign(new Error("ENOSPC: no space left on device, open"), { code: "ENOSPC" });
    const attempt = beginWith(on, { ...services, openLog: () => Promise.reject(full) });
    expect(await resultOf(attempt)).toMatchObject({
      cause: "build",
      reasonCode: "disk-full",
      reason: expect.stringContaining("disk is full"),
      logEntries: 0,
    });
    await attempt.abandon();
  });
});
