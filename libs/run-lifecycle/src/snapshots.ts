/**
 * Snapshots of a directory of a running attempt, asked of its agent at the moment somebody wants that directory as code.
 * A request that was lost with a connection is sent again with the next desired state; each has a deadline.
 */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import { SpellError, conflict } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";
import type { AgentSessions } from "./agent-sessions.ts";

/** A large directory takes its time; a lost agent must not hold the caller for ever. */
const DEADLINE_MS = 120_000;

export interface PendingSnapshot {
  id: string;
  agentId: string;
  runId: number;
  attempt: number;
  leaseToken: string;
  /** Relative to /spell. */
  path: string;
}

interface Waiting extends PendingSnapshot {
  resolve(tree: Digest): void;
  reject(error: unknown): void;
}

export class Snapshots {
  readonly #sessions: AgentSessions;
  readonly #waiting = new Map<string, Waiting>();

  constructor(sessions: AgentSessions) {
    this.#sessions = sessions;
  }

  /** A tree that holds the directory under its base name, as it is now. */
  take(run: RunRecord, path: string): Promise<Digest> {
    const { agentId, leaseToken } = run;
    if (agentId === undefined || leaseToken === undefined) throw conflict(`Run ${run.id} has no machine yet.`);
    const id = randomUUID();
    return new Promise<Digest>((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(id, `its agent did not answer in ${DEADLINE_MS / 1000} s`),
        DEADLINE_MS,
      );
      const settle = <T>(then: (value: T) => void) => {
        return (value: T): void => {
          clearTimeout(timer);
          this.#waiting.delete(id);
          then(value);
        };
      };
      const pending: PendingSnapshot = { id, agentId, runId: run.id, attempt: run.attempt, leaseToken, path };
      this.#waiting.set(id, { ...pending, resolve: settle(resolve), reject: settle(reject) });
      this.#sessions.find(agentId)?.push();
    });
  }

  /** What an agent is asked for. */
  pending(agentId: string): PendingSnapshot[] {
    return [...this.#waiting.values()].filter((each) => each.agentId === agentId);
  }

  /** The agent's answer, under the lease of the attempt that was asked. Unknown ids are late answers and are ignored. */
  complete(id: string, answer: { agentId: string; leaseToken: string } & ({ tree: Digest } | { error: string })): void {
    const waiting = this.#waiting.get(id);
    if (waiting?.agentId !== answer.agentId || waiting.leaseToken !== answer.leaseToken) return;
    if ("tree" in answer) waiting.resolve(answer.tree);
    else this.#fail(id, answer.error);
  }

  /** The run ended: nobody will answer any more. */
  runEnded(runId: number): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.runId === runId) this.#fail(waiting.id, "the run ended meanwhile");
    }
  }

  #fail(id: string, why: string): void {
    const waiting = this.#waiting.get(id);
    waiting?.reject(
      new SpellError(
        "conflict",
        `Could not copy ${waiting.path} from run ${waiting.runId}: ${why.replace(/\.$/, "")}.`,
        {
          reason: "snapshot-failed",
        },
      ),
    );
  }
}
