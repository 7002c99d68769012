/**
 * Why runs end, as data: a stable code, whose doing it was, the final statuses it may come with, and the sentence. The documents
 * and the Python package have their tables from here.
 */
import { signalText } from "./signal-name.ts";
import type { FinalStatus } from "./status.ts";

/**
 * Whose doing an end was: the user's `program`, the will of the `user` (a rule of the run is the user's will said before), the
 * `operator` of a machine, or `ours`: Spell and what it stands on.
 */
export const DOERS = ["program", "user", "operator", "ours"] as const;
export type Doer = (typeof DOERS)[number];

export interface ReasonRow {
  doing: Doer;
  statuses: readonly FinalStatus[];
  /** When whoever saw the end had none of its own. `{by}`, `{exitCode}` and `{signal}` stand for what is known of this end. */
  sentence: string;
}

export const REASONS = {
  "exit-code": {
    doing: "program",
    statuses: ["complete", "failed"],
    sentence: "The command exited with code {exitCode}.",
  },
  signal: { doing: "program", statuses: ["complete", "failed"], sentence: "The command was ended by signal {signal}." },
  "out-of-memory": {
    doing: "program",
    statuses: ["failed"],
    sentence: "The run used more memory than it may: give it more, or make it need less.",
  },
  "disk-quota": {
    doing: "program",
    statuses: ["failed"],
    sentence: "The run wrote more to the disk than it may: give it more room, or make it write less.",
  },
  "too-many-processes": {
    doing: "program",
    statuses: ["failed"],
    sentence: "The run started more processes than it may.",
  },
  "stopped-by": { doing: "user", statuses: ["stopped"], sentence: "Stopped by {by}." },
  "stop-condition": { doing: "user", statuses: ["stopped"], sentence: "Stopped by a stop condition of its own." },
  "timed-out": { doing: "user", statuses: ["stopped"], sentence: "Stopped after its timeout." },
  "killed-by": { doing: "user", statuses: ["killed"], sentence: "Killed by {by}." },
  "cancelled-before-start": {
    doing: "user",
    statuses: ["killed"],
    sentence: "Cancelled by {by} before it started.",
  },
  "interrupted-by-operator": {
    doing: "operator",
    statuses: ["interrupted"],
    sentence: "The agent on its machine was told to end at once.",
  },
  "agent-removed": {
    doing: "operator",
    statuses: ["interrupted"],
    sentence: "Its agent was removed from the farm.",
  },
  "machine-reclaimed": {
    doing: "operator",
    statuses: ["interrupted"],
    sentence: "Its machine was taken away by whoever lends it.",
  },
  "machine-rebooted": {
    doing: "operator",
    statuses: ["interrupted"],
    sentence: "The machine was restarted while the run was on it.",
  },
  "agent-lost": {
    doing: "ours",
    statuses: ["interrupted"],
    sentence: "Its agent was not heard for too long: look whether the machine is up and reaches the coordinator.",
  },
  "process-lost": {
    doing: "ours",
    statuses: ["interrupted"],
    sentence:
      "The run's process is gone and left no exit code: the machine was restarted, or the process was removed from outside.",
  },
  "build-error": {
    doing: "ours",
    statuses: ["build_failed"],
    sentence: "The run's files could not be prepared.",
  },
  "start-failed": { doing: "ours", statuses: ["build_failed"], sentence: "The command could not be started." },
  "mount-error": { doing: "ours", statuses: ["mount_failed"], sentence: "A mount could not be made." },
  "save-error": { doing: "ours", statuses: ["failed"], sentence: "The outputs could not be stored." },
  "no-such-resource": {
    doing: "ours",
    statuses: ["build_failed", "mount_failed"],
    sentence: "What the run was to see is not there any more.",
  },
  "bytes-corrupt": {
    doing: "ours",
    statuses: ["build_failed", "mount_failed", "failed"],
    sentence: "Bytes of the run are damaged or lost in the store: `spell fsck` says what else is.",
  },
  "store-unavailable": {
    doing: "ours",
    statuses: ["build_failed", "mount_failed", "failed"],
    sentence: "The object store was away for longer than a run waits for it.",
  },
  "disk-full": {
    doing: "ours",
    statuses: ["build_failed", "mount_failed", "failed"],
    sentence: "The machine's disk is full.",
  },
} as const satisfies Record<string, ReasonRow>;

export type ReasonCode = keyof typeof REASONS;

/** All codes, in the order of the table. */
export const REASON_CODES = Object.keys(REASONS) as readonly ReasonCode[];

export function isReasonCode(text: string): text is ReasonCode {
  return Object.hasOwn(REASONS, text);
}

/** The row of a code. */
export function reasonRow(code: ReasonCode): ReasonRow {
  return REASONS[code];
}

/** The sentence of a code with what is known of this end in its places. */
export function reasonSentence(code: ReasonCode, known: { by?: string; exitCode?: number }): string {
  const { by = "the user", exitCode = 0 } = known;
  const values: Record<string, string> = {
    by,
    exitCode: String(exitCode),
    signal: signalText(signalOf(exitCode) ?? 0),
  };
  return reasonRow(code).sentence.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
}

/** The signal that ended a command, as a shell reports it: 128 + N. */
export function signalOf(exitCode: number): number | undefined {
  return exitCode > 128 && exitCode <= 192 ? exitCode - 128 : undefined;
}
