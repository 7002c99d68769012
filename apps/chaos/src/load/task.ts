/** What the users of a trial ask for: commands whose output, files and exit code follow from their number. Pure. */
import { createHash } from "node:crypto";
import type { Random } from "../random.ts";

/** What happens to a run of a task besides the faults. */
export type Wish = "none" | "stop" | "kill";

export interface Task {
  /** Unique in the trial; the runs of the task are known by it. */
  key: string;
  lines: number;
  /** Pause between two lines, milliseconds. */
  pauseMs: number;
  /** Lines of the file that it writes. */
  fileLines: number;
  exitCode: number;
  wish: Wish;
  /** How long after it runs the wish is uttered, milliseconds. */
  wishAfterMs: number;
  /** Whether a second run mounts what this one wrote. */
  hasSecond: boolean;
}

/** What a second run finds mounted. */
export interface Input {
  digest: string;
}

/** Where commands tell that they began and ended. */
export interface LedgerAddress {
  host: string;
  port: number;
}

export const OUTPUT_FILE = "out.txt";
export const INPUT_FILE = "in.txt";
/** Exit code of a command whose input is not what it should be. */
export const WRONG_INPUT = 91;
/** Exit code of a command that could not write its file, because the disk was full. */
export const WRITE_FAILED = 92;

/** The task of a number. */
export function makeTask(number: number, random: Random): Task {
  const wish = random.pick<Wish>(["none", "none", "none", "none", "none", "none", "stop", "kill"]);
  return {
    key: `t${number}`,
    lines: random.between(5, 60),
    pauseMs: random.pick([0, 20, 50, 100, 200]),
    // Some fit into a pack, some are objects of their own.
    fileLines: random.pick([10, 2_000, 20_000, 200_000]),
    exitCode: random.pick([0, 0, 0, 0, 3]),
    wish,
    wishAfterMs: random.between(0, 2_000),
    hasSecond: wish === "none" && random.between(1, 3) === 1,
  };
}

/** The task of the run that mounts what the first wrote. */
export function secondOf(first: Task): Task {
  return { ...first, key: `${first.key}-second`, lines: 5, pauseMs: 10, exitCode: 0, hasSecond: false };
}

/** The task that shows that the farm does its work again after a fault. */
export function probeTask(number: number): Task {
  const nothing = { exitCode: 0, wish: "none", wishAfterMs: 0, hasSecond: false } as const;
  return { key: `probe${number}`, lines: 1, pauseMs: 0, fileLines: 1, ...nothing };
}

/** The shell line. It tells the ledger when it begins and what it is about to exit with, and goes on only once that is known. */
export function commandOf(task: Task, ledger: LedgerAddress, input?: Input): string {
  const { key, lines, pauseMs, fileLines, exitCode } = task;
  const send = `exec 3<>/dev/tcp/${ledger.host}/${ledger.port} && echo "${key} $me $*" >&3 && read -r ok <&3`;
  const check = `echo '${input?.digest}  ${INPUT_FILE}' | sha256sum --check --status || leave ${WRONG_INPUT}`;
  return [
    'me="$$.$RANDOM$RANDOM"',
    `note() { until ( ${send} ) 2>/dev/null; do sleep 0.1; done; }`,
    'leave() { note ended "$1"; exit "$1"; }',
    "note started",
    ...(input === undefined ? [] : [check]),
    `for i in $(seq 1 ${lines}); do echo "${key}:$i" || note unsaid "$i"; ${pauseMs === 0 ? "" : `sleep ${pauseMs / 1000}; `}done`,
    `seq -f '${key} %.0f' 1 ${fileLines} 2> /dev/null > ${OUTPUT_FILE} || leave ${WRITE_FAILED}`,
    `leave ${exitCode}`,
  ].join("\n");
}

/** The lines that it prints. */
export function linesOf({ key, lines }: Task): string[] {
  return Array.from({ length: lines }, (_, index) => `${key}:${index + 1}`);
}

/** The sha256 of the file that it writes. */
export function digestOf({ key, fileLines }: Task): string {
  const hash = createHash("sha256");
  for (let line = 1; line <= fileLines; line += 1) hash.update(`${key} ${line}\n`);
  return hash.digest("hex");
}
