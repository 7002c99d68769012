/** The other processes: each is handed seeds one after the other and answers what became of them. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Simulate } from "../load.ts";
import type { Verdict } from "../simulation.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** The work of such a process: until its parent is gone. */
export function serveSeeds(simulate: Simulate): void {
  let turn = Promise.resolve();
  process.on("message", (seed: number) => {
    turn = turn.then(async () => {
      const verdict = await simulate(seed, { keepHistory: false });
      process.send?.(verdict);
    });
  });
  process.on("disconnect", () => process.exit(0));
}

/** Hands out seeds to several processes until there are none, or `onVerdict` says that it is enough. They are ended in any case. */
export async function handOut(
  seeds: Iterable<number>,
  options: { workers: number; plant?: string },
  onVerdict: (verdict: Verdict) => "go on" | "enough",
): Promise<void> {
  const source: Iterator<number> = seeds[Symbol.iterator]();
  let isEnough = false;
  const next = (): number | undefined => {
    if (isEnough) return undefined;
    const result = source.next();
    return result.done === true ? undefined : result.value;
  };
  const args = ["--worker", ...(options.plant === undefined ? [] : ["--plant", options.plant])];
  const children = Array.from({ length: options.workers }, () => fork(MAIN, args, { stdio: "inherit" }));
  try {
    await Promise.all(
      children.map((child) =>
        work(child, next, (verdict) => {
          if (!isEnough) isEnough = onVerdict(verdict) === "enough";
        }),
      ),
    );
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function work(
  child: ChildProcess,
  next: () => number | undefined,
  onVerdict: (verdict: Verdict) => void,
): Promise<void> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`a process of the simulation ended by itself (${String(code)})`);
  });
  // Whoever still waits hears of it.
  ended.catch(() => undefined);
  for (let seed = next(); seed !== undefined; seed = next()) {
    child.send(seed);
    const [verdict] = (await Promise.race([once(child, "message"), ended])) as [Verdict];
    onVerdict(verdict);
  }
}
