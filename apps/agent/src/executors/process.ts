/**
 * Runs commands as plain processes, for development on systems without sandboxes. It isolates nothing: the run sees and may
 * change the whole machine, has no /spell (its code is copied to `<attemptDir>/process/spell`, and working directory and
 * search paths are translated), and takes mounts below the code only (as copies). Without a control group a process that has left its
 * group and cleared its environment outlives even SIGKILL.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { conflict, messageOf } from "@spell/domain";
import type { Cgroup, Cgroups } from "../cgroups/cgroup.ts";
import { checkSpec } from "./check-spec.ts";
import type { Execution, ExecutionSpec, Executor } from "./executor.ts";
import { gpuEnvironment } from "./gpu-devices.ts";
import type { PatienceWithKilled } from "./limits/last-wait.ts";
import { makeGroup } from "./limits/make-group.ts";
import { needsGate, spawnLimited } from "./limits/spawn-limited.ts";
import { copyTree } from "./process/copy-tree.ts";
import { MARK_VARIABLE, listProcesses } from "./process/process-table.ts";
import { ProcessExecution, processPaths } from "./process/process-execution.ts";
import type { ProcessRecord } from "./process/process-execution.ts";
import { removeTree } from "./remove-tree.ts";

/**
 * $1 shell, $2 command, $3 exit code file. With $4 it begins when the other end of 3 is closed. It survives SIGTERM to the group, which the
 * command gets with default effect. What writes the exit code is deaf to it as well: a stop may come while it does.
 */
const WRAPPER = `trap : TERM HUP INT
[ -z "$4" ] || { read -r _ <&3; exec 3<&-; }
"$1" -c "$2"
code=$?
trap '' TERM HUP INT
printf '%s\\n' "$code" > "$3.part" && /bin/mv "$3.part" "$3"`;

export interface ProcessExecutorOptions {
  /** Undefined: limits are kept by looking on. */
  cgroups?: Cgroups;
  /** With processes that cannot be ended. */
  patience?: PatienceWithKilled;
}

export class ProcessExecutor implements Executor {
  readonly name = "process";
  readonly #options: ProcessExecutorOptions;

  constructor(options: ProcessExecutorOptions = {}) {
    this.#options = options;
  }

  check(): Promise<string | undefined> {
    return Promise.resolve(process.platform === "win32" ? "Plain processes need a POSIX shell: use WSL." : undefined);
  }

  async start(spec: ExecutionSpec): Promise<Execution> {
    checkSpec(spec);
    const attemptDir = await realpath(spec.attemptDir);
    const paths = processPaths(attemptDir);
    if ((await this.adopt(attemptDir)) !== undefined) {
      throw conflict(`A run was already started in ${attemptDir}. Adopt it, or dispose of it first.`);
    }
    await removeTree(paths.folder);
    await mkdir(paths.spell, { recursive: true });
    const { limits = {} } = spec;
    const group = makeGroup(this.#options.cgroups, attemptDir, limits);
    const record: ProcessRecord = {
      mark: `spell-run:${paths.folder}`,
      limits,
      cgroup: group.cgroup?.record,
      code: spec.codeTree,
      mountPaths: spec.mounts.map((mount) => mount.path.replace(/^\/spell\//, "")),
    };
    record.startFailure = await prepare(spec, paths.spell);
    if (record.startFailure === undefined) {
      writeFileSync(paths.record, JSON.stringify(record), { mode: 0o600 });
      try {
        return new ProcessExecution({
          attemptDir,
          record,
          ...launch(spec, paths, record.mark, group.cgroup),
          problem: group.problem,
          patience: this.#options.patience,
        });
      } catch (error) {
        record.startFailure = `The command could not be started: ${messageOf(error)}. Put very long text into files.`;
      }
    }
    group.cgroup?.remove();
    writeFileSync(paths.record, JSON.stringify(record), { mode: 0o600 });
    writeFileSync(paths.spool, "", { flag: "a", mode: 0o600 });
    return new ProcessExecution({ attemptDir, record });
  }

  async adopt(attemptDir: string): Promise<Execution | undefined> {
    if (!existsSync(attemptDir)) return undefined;
    const real = await realpath(attemptDir);
    const paths = processPaths(real);
    if (!existsSync(paths.record)) return undefined;
    const record = JSON.parse(readFileSync(paths.record, "utf8")) as ProcessRecord;
    // The spool is opened right before the wrapper starts: without it there was none.
    const wasStarted =
      record.startFailure !== undefined ||
      existsSync(paths.exitCode) ||
      existsSync(paths.spool) ||
      (await listProcesses()).some((entry) => entry.commandLine.startsWith(`${record.mark} `));
    return wasStarted
      ? new ProcessExecution({ attemptDir: real, record, patience: this.#options.patience })
      : undefined;
  }
}

/** Copies code and mounts; gives the sentence when the run cannot be started this way. */
async function prepare(spec: ExecutionSpec, spell: string): Promise<string | undefined> {
  const outside = spec.mounts.find((mount) => !mount.path.startsWith("/spell/"));
  if (outside !== undefined) {
    return `Cannot mount at ${outside.path}: without a sandbox only paths below the code can be mounted. Use a relative mount path.`;
  }
  if (spec.codeTree !== undefined) await copyTree(spec.codeTree, spell);
  for (const mount of spec.mounts) {
    const target = join(spell, mount.path.slice("/spell/".length));
    try {
      await mkdir(dirname(target), { recursive: true });
      await removeTree(target);
      await copyTree(mount.source, target);
    } catch (error) {
      return `Cannot mount at ${mount.path}: ${messageOf(error)}. Choose another mount path.`;
    }
  }
  const cwd = translate(spec.workingDirectory, spec, spell);
  const isFolder = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder
    ? undefined
    : `The working directory ${spec.workingDirectory} cannot be entered in the run: no such folder.`;
}

function launch(
  spec: ExecutionSpec,
  paths: ReturnType<typeof processPaths>,
  mark: string,
  cgroup: Cgroup | undefined,
): { wrapper: ChildProcess; gate?: Writable } {
  const environment = { ...gpuEnvironment(spec.gpus, { confined: false }), ...spec.environment };
  const env = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value
        .split(":")
        .map((part) => translate(part, spec, paths.spell))
        .join(":"),
    ]),
  );
  const shell = existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";
  mkdirSync(paths.folder, { recursive: true });
  const spool = openSync(paths.spool, "a", 0o600);
  const mask = process.umask(0o022);
  try {
    const gate = needsGate(cgroup) ? ["gate"] : [];
    const wrapper = spawnLimited(cgroup, () =>
      spawn("/bin/sh", ["-c", WRAPPER, "sh", shell, spec.command, paths.exitCode, ...gate], {
        argv0: mark,
        cwd: translate(spec.workingDirectory, spec, paths.spell),
        env: { ...env, [MARK_VARIABLE]: mark },
        detached: true,
        stdio: ["ignore", spool, spool, ...gate.map(() => "pipe" as const)],
      }),
    );
    return { wrapper, gate: wrapper.stdio.at(3) as Writable | undefined };
  } finally {
    process.umask(mask);
    closeSync(spool);
  }
}

/** Where a path of the run lies on the machine. */
function translate(path: string, spec: ExecutionSpec, spell: string): string {
  const places = [...spec.extras, { path: "/spell", source: spell }];
  const place = places.find((each) => path === each.path || path.startsWith(`${each.path}/`));
  return place === undefined ? path : `${place.source}${path.slice(place.path.length)}`;
}
