/**
 * What connected agents are asked for when the store has lost something. A request that was lost with a connection is sent again with
 * the next desired state; each has a deadline, and ends when its agent stays away.
 */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import { conflict } from "@spell/domain";
import type { AgentSessions } from "../agent-sessions.ts";

/** A blob that an agent says to have in its cache. */
export interface HeldBlob {
  digest: Digest;
  sizeBytes: number;
}

export interface RepairAsk {
  /** MOST_DIGESTS at most. */
  digests: readonly Digest[];
  /** They are directory nodes. */
  nodes: boolean;
  /** Where to put them, as one object; undefined: it is only asked which are there. */
  putUrl?: string;
  /** Longest time without a sign. */
  silenceMs: number;
  /** Longest time in all. */
  limitMs: number;
  signal: AbortSignal;
}

export interface RepairAnswer {
  agentId: string;
  held: readonly { digest: string; sizeBytes: number }[];
  /** Empty: none. */
  error: string;
  underWay: boolean;
}

export interface PendingRepair extends Pick<RepairAsk, "digests" | "nodes" | "putUrl"> {
  id: string;
  agentId: string;
}

interface Waiting extends PendingRepair {
  onSign(): void;
  resolve(held: HeldBlob[]): void;
  reject(error: unknown): void;
}

/** So many blobs are asked for in one message. */
export const MOST_DIGESTS = 500;
/** Connections break and are made again; longer is away. */
const AWAY_MS = 10_000;
const LOOK_MS = 1_000;
/** Characters of what an agent says. */
const MOST_WHY = 300;

export class AgentRepairs {
  readonly #sessions: AgentSessions;
  readonly #waiting = new Map<string, Waiting>();

  constructor(sessions: AgentSessions) {
    this.#sessions = sessions;
  }

  /** Who can be asked. */
  agents(): string[] {
    return this.#sessions.present().map(({ agentId }) => agentId);
  }

  /** What the agent answers, of what it was asked. Throws conflict, the end of a sentence about it, when it does not or cannot. */
  async ask(agentId: string, { digests, nodes, putUrl, silenceMs, limitMs, signal }: RepairAsk): Promise<HeldBlob[]> {
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<HeldBlob[]>();
    const refuse = (why: string): void => reject(conflict(why, "no-repair"));
    const onAbort = (): void => refuse("was not waited for any longer");
    const silence = setTimeout(() => refuse(`did not answer in ${Math.ceil(silenceMs / 1000)} s`), silenceMs);
    const limit = setTimeout(() => refuse(`was not done after ${Math.ceil(limitMs / 1000)} s`), limitMs);
    let awayMs = 0;
    const watch = setInterval(() => {
      awayMs = this.#sessions.find(agentId) === undefined ? awayMs + LOOK_MS : 0;
      if (awayMs >= AWAY_MS) refuse("went away");
    }, LOOK_MS);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#waiting.set(id, {
      id,
      agentId,
      digests,
      nodes,
      putUrl,
      onSign: () => void silence.refresh(),
      resolve,
      reject,
    });
    this.#sessions.find(agentId)?.push();
    try {
      return await promise;
    } finally {
      clearTimeout(silence);
      clearTimeout(limit);
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
      this.#waiting.delete(id);
      // The agent need not go on with what nobody waits for.
      this.#sessions.find(agentId)?.push();
    }
  }

  /** What an agent is asked for. */
  pending(agentId: string): PendingRepair[] {
    return [...this.#waiting.values()].filter((each) => each.agentId === agentId);
  }

  /** An agent's answer, or a sign that it is under way. What it was not asked is ignored, and so are late and foreign answers. */
  complete(id: string, { agentId, held, error, underWay }: RepairAnswer): void {
    const waiting = this.#waiting.get(id);
    if (waiting?.agentId !== agentId) return;
    if (underWay) return waiting.onSign();
    if (error !== "") {
      const why = error.slice(0, MOST_WHY).replace(/\.$/, "");
      return waiting.reject(conflict(`could not give what it has: ${why}`, "no-repair"));
    }
    const sizes = new Map(held.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
    waiting.resolve(
      waiting.digests.flatMap((digest) => {
        const sizeBytes = sizes.get(digest);
        return sizeBytes === undefined ? [] : { digest, sizeBytes };
      }),
    );
  }
}
