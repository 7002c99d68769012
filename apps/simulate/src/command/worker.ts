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
  const take = (verdict: Verdict): void => {
    if (!isEnough) isEnough = onVerdict(verdict) === "enough";
  };
  await Promise.all(Array.from({ length: options.workers }, () => work(args, next, take)));
}

/** A history whose code goes round in circles ends the process that it is in, or takes longer than this. */
const LONGEST_MS = 120_000;

async function work(
  args: readonly string[],
  next: () => number | undefined,
  onVerdict: (verdict: Verdict) => void,
): Promise<void> {
  const begin = (): ChildProcess => fork(MAIN, args, { stdio: "inherit", execArgv: ["--max-old-space-size=1024"] });
  let child = begin();
  try {
    for (let seed = next(); seed !== undefined; seed = next()) {
      const verdict = await verdictOf(child, seed);
      onVerdict(verdict ?? restless(seed));
      if (verdict !== undefined) continue;
      child.kill("SIGKILL");
      child = begin();
    }
  } finally {
    child.kill("SIGKILL");
  }
}

/** Undefined: it ended by itself, or said nothing for too long. */
async function verdictOf(child: ChildProcess, seed: number): Promise<Verdict | undefined> {
  const over = new AbortController();
  const { signal } = over;
  const late = setTimeout(() => over.abort(), LONGEST_MS);
  child.once("exit", () => over.abort());
  try {
    child.send(seed);
    const [verdict] = (await once(child, "message", { signal })) as [Verdict];
    return verdict;
  } catch {
    return undefined;
  } finally {
    clearTimeout(late);
    child.removeAllListeners("exit");
  }
}

function restless(seed: number): Verdict {
  const broken = "something goes round in circles: its process never came to an end with this history";
  return { seed, broken, lines: [], digest: "", steps: 0, runs: 0, faults: 0 };
}
