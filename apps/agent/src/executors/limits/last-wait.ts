/**
 * The wait for processes that SIGKILL was sent to. Nearly all are gone at once; one that waits inside of the kernel for a device or a
 * server of files stays until that answers. The user hears of it, and after a bound nobody waits for it any more.
 */
import { readFileSync } from "node:fs";

export interface PatienceWithKilled {
  /** When the user is told. */
  sayAfterMs: number;
  giveUpAfterMs: number;
}

export const PATIENCE: PatienceWithKilled = { sayAfterMs: 5_000, giveUpAfterMs: 10 * 60_000 };

export interface LastWaitOptions {
  patience: PatienceWithKilled;
  /** Who is left. */
  processes(): Promise<readonly number[]>;
  say(text: string): void;
}

export class LastWait {
  readonly #options: LastWaitOptions;
  readonly #over = Promise.withResolvers<void>();
  #timers: NodeJS.Timeout[] = [];
  #hasGivenUp = false;

  constructor(options: LastWaitOptions) {
    this.#options = options;
  }

  /** Resolves when nobody should wait any longer, if ever. */
  get givenUp(): Promise<void> {
    return this.#over.promise;
  }

  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** SIGKILL was sent. Repeating it is harmless. */
  begin(): void {
    if (this.#timers.length > 0) return;
    const { sayAfterMs, giveUpAfterMs } = this.#options.patience;
    const minutes = Math.max(1, Math.round(giveUpAfterMs / 60_000));
    const wait = `The run ends when it is gone, at the latest in ${minutes} min.`;
    this.#later(sayAfterMs, (who) => `SIGKILL does not end ${who}, which waits inside of the kernel. ${wait}`);
    this.#later(giveUpAfterMs, (who) => `The machine should be restarted: ${who} cannot be ended and is left behind.`);
    this.#timers.push(
      setTimeout(() => {
        this.#hasGivenUp = true;
        this.#over.resolve();
      }, giveUpAfterMs),
    );
  }

  /** They are gone. Idempotent. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #later(afterMs: number, text: (who: string) => string): void {
    const say = async (): Promise<void> => {
      const stuck = (await this.#options.processes()).map(look).filter((each) => each !== undefined);
      // Others only wait for these.
      const deep = stuck.filter(({ state }) => state === "D");
      const named = (deep.length > 0 ? deep : stuck).slice(0, 3).map(({ pid, name }) => `process ${pid} (${name})`);
      if (named.length > 0) this.#options.say(text(named.join(", ")));
    };
    this.#timers.push(setTimeout(() => void say().catch(() => undefined), afterMs));
  }
}

function look(pid: number): { pid: number; name: string; state: string } | undefined {
  try {
    const [, name = "", state = ""] = /\((.*)\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return state === "Z" || state === "X" ? undefined : { pid, name, state };
  } catch {
    return undefined;
  }
}
