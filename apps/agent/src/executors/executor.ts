/** The executor's contract: runs one attempt's command somewhere apart from the machine. */
import type { LimitReason, RunLimits } from "./limits/run-limits.ts";

/** A resource that the run sees at a path, private and writable. */
export interface ExecutionMount {
  /** Absolute path inside the run. */
  path: string;
  isFile: boolean;
  /** The bytes on this machine, shared and never to be written: a folder, or a file. */
  source: string;
}

export interface ExecutionSpec {
  /** Folder of this attempt alone; the executor keeps all it needs to adopt the run later below it. Exists. */
  attemptDir: string;
  /** A shell line. */
  command: string;
  /** Folder laid under /spell, shared and never written; undefined: no code. */
  codeTree?: string;
  /** Absolute path inside the run. */
  workingDirectory: string;
  /** The whole environment of the command. */
  environment: Record<string, string>;
  mounts: readonly ExecutionMount[];
  /** Folders laid over the run's root, read-only (path inside the run → folder or file on the machine): the SDKs. */
  extras: readonly { path: string; source: string }[];
  /** Folders of the machine that the run must not see (the agent's own). */
  hidden: readonly string[];
  /** GPU indices the run may use; undefined: none. */
  gpus?: readonly number[];
  /** What it may use of the machine; the executor ends a run that takes more. */
  limits?: RunLimits;
}

export interface ExitStatus {
  /** As a shell reports it: 128 + N for signal N. Undefined: the process is gone and left no code. */
  exitCode?: number;
  /** Set when the executor itself could not start the command (bad mount point, no such working directory, …): the sentence. */
  startFailure?: string;
  /** Processes that nothing could end, and that nobody waits for any longer. */
  left?: readonly number[];
  /** The command did not end with 0, and it was a limit that ended it or processes of it. */
  limit?: LimitReason;
  /** Unix time, milliseconds. */
  endedAtMs: number;
}

/**
 * A file, link or empty folder that the run wrote below /spell, or what it left there that no tree can hold: a FIFO, a socket, or
 * anything with a name that is no UTF-8 (`bad-name`; what lies below it is not listed).
 */
export interface WrittenEntry {
  /** Relative to /spell, slash-separated. */
  path: string;
  kind: "file" | "directory" | "symlink" | "fifo" | "socket" | "bad-name";
  /** Where its bytes lie on this machine now. */
  source: string;
  /** Symlinks only. */
  target?: string;
  executable: boolean;
  sizeBytes: number;
}

/** A command that was started, perhaps by an earlier life of this agent. */
export interface Execution {
  /** Resolves once the command has started (or failed to). */
  readonly started: Promise<void>;
  /** Resolves when the command and everything it left running is gone. */
  readonly exited: Promise<ExitStatus>;
  /** Whether the command itself has ended, as the disk says at this moment: `exited` may not have resolved yet. */
  hasExited(): boolean;
  /** The spool: stdout and stderr of the command, appended as written. */
  readonly spoolPath: string;
  /** SIGTERM or SIGKILL to every process of the run; nothing survives SIGKILL. No-op when it has ended. */
  signal(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** The path on this machine through which the run's /spell is seen right now, its own changes included. Undefined when it has ended. */
  liveSpellPath(): string | undefined;
  /** Its living processes, as the machine numbers them; empty when it has ended. */
  processes(): Promise<readonly number[]>;
  /** Hears, also of what was before, what the user should read in the run's log of limits and of processes that do not end. */
  onNotice(listener: (text: string) => void): void;
  /** What the run wrote below /spell, without mounts, deletions and unchanged copies of code. Call after `exited`. */
  written(): Promise<WrittenEntry[]>;
  /** Ends what is left and removes everything of the attempt but attemptDir itself. Idempotent. */
  dispose(): Promise<void>;
}

export interface Executor {
  readonly name: "sandbox" | "process" | "dummy";
  /** What is missing on this machine, as a sentence with its cure; undefined when all is well. */
  check(): Promise<string | undefined>;
  /** Starts the command. Throws `invalid-input` only for a spec it can tell is wrong; everything else shows in `exited`. */
  start(spec: ExecutionSpec): Promise<Execution>;
  /** Finds the execution of an earlier agent in this folder, running or ended; undefined when none was started there. */
  adopt(attemptDir: string): Promise<Execution | undefined>;
}
