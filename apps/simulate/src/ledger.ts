/** What really happened, written down outside of the product: the simulation holds its record against it. */

/** One command that was started on a machine. */
export interface StartedCommand {
  runId: number;
  attempt: number;
  host: string;
  /** The slots' machine type; undefined: a master's control slot. */
  machineType: string | undefined;
  startedAtMs: number;
  /** The lines it has printed. */
  printed: string[];
  endedAtMs?: number;
  /** Of its own; undefined with `endedAtMs`: a signal or a power cut ended it. */
  exitCode?: number;
  signalled?: "SIGTERM" | "SIGKILL";
  /** A signal was on its way to it before it had ended. */
  signalSent?: boolean;
  /** Its machine lost its power while it ran or before its end was reported. */
  machineLost?: boolean;
}

/** A creation that a user asked for. */
export interface AskedRun {
  clientKey: string;
  /** The word that its command prints in every line. */
  word: string;
  /** Known once it was acknowledged. */
  runId?: number;
}

/** Somebody asked to stop or kill a run. The call may have been lost. */
export interface AskedEnd {
  runId: number;
  verb: "stop" | "kill";
  atMs: number;
}

/** An entry of a log as a reader was given it. */
export interface ReadEntry {
  text: string;
  level: string;
}

export class Ledger {
  readonly commands: StartedCommand[] = [];
  readonly asked: AskedRun[] = [];
  readonly ends: AskedEnd[] = [];
  /** When an agent's host last got a report through to a coordinator. */
  readonly heardMs = new Map<string, number>();
  /** Since when a coordinator listens without a gap; undefined: none does. */
  listeningSinceMs: number | undefined;
  /** What a disk refused to write: from then on its runs may fail for it. */
  readonly brokenDisks = new Set<string>();
  /** Broken promises that somebody saw himself. */
  readonly seen: string[] = [];

  /** What readers of a run's log were given at each place. */
  readonly read = new Map<number, Map<number, ReadEntry>>();

  /** Ends of runs that somebody was told, by an answer or by the news. */
  readonly told: { runId: number; status: string }[] = [];
  /** Places of logs that readers were told different things of, by run. */
  readonly contradictions = new Map<number, string>();

  /** A reader was given entries from this place on. What was told of a place once stays so. */
  follow(runId: number, offset: number, entries: readonly ReadEntry[]): void {
    const log = this.read.get(runId) ?? new Map<number, ReadEntry>();
    this.read.set(runId, log);
    for (const [index, { text, level }] of entries.entries()) {
      const place = offset + index;
      const before = log.get(place);
      if (before === undefined) log.set(place, { text, level });
      else if (before.text !== text) {
        const what = `entry ${place} of the log of run ${runId} was "${before.text}" and then "${text}"`;
        this.contradictions.set(runId, this.contradictions.get(runId) ?? what);
      }
    }
  }

  startsOf(runId: number, attempt: number): StartedCommand[] {
    return this.commands.filter((each) => each.runId === runId && each.attempt === attempt);
  }

  alive(): StartedCommand[] {
    return this.commands.filter((each) => each.endedAtMs === undefined);
  }

  asksToEnd(runId: number): AskedEnd[] {
    return this.ends.filter((each) => each.runId === runId);
  }
}
