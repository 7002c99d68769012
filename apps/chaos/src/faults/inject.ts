/** Carries out a plan of faults, some of them at the same time, and measures how long each takes to heal. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Farm } from "../farm/farm.ts";
import { FAULT_ACTIONS } from "./actions.ts";
import type { Fault, FaultHistory } from "./fault.ts";
import { describeFault } from "./fault.ts";
import { mayMeet } from "./plan.ts";

const LOOK_EVERY_MS = 50;

export interface Injection {
  farm: Farm;
  plan: readonly Fault[];
  /** None begins later than so long after the first, milliseconds. */
  withinMs: number;
  /** Most at the same time. */
  together: number;
  /** The trial's clock, milliseconds. */
  now: () => number;
  /** Resolves once what was hit does its work again. */
  untilWell: (fault: Fault) => Promise<void>;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** Resolves when all have ended and healed. Faults under way end also when it is aborted. */
export async function inject(injection: Injection): Promise<FaultHistory[]> {
  const { plan, together, now, signal, say, untilWell } = injection;
  /** Those that have begun and are not healed, with whether they go on. */
  const open = new Map<Fault, "under way" | "healing">();
  const histories: Promise<FaultHistory>[] = [];
  const untilMs = now() + injection.withinMs;
  let begunAtMs = now();
  for (const fault of plan) {
    await sleep(Math.max(0, begunAtMs + fault.afterMs - now()), undefined, { signal }).catch(() => undefined);
    while (!mayBegin(fault, open, together) && !signal.aborted) await sleep(LOOK_EVERY_MS);
    if (signal.aborted || now() > untilMs) break;
    begunAtMs = now();
    say(`${String(fault.number).padStart(4)}  ${describeFault(fault)} for ${(fault.lastsMs / 1000).toFixed(1)} s`);
    open.set(fault, "under way");
    const carriedOut = async (): Promise<FaultHistory> => {
      const history = await carryOut(injection, fault);
      open.set(fault, "healing");
      await untilWell(fault);
      open.delete(fault);
      return fault.alone ? { ...history, recoveryMs: now() - history.endedAtMs } : history;
    };
    const history = carriedOut();
    // What it throws is seen when all are awaited.
    history.catch(() => undefined);
    histories.push(history);
  }
  return Promise.all(histories);
}

/** One that is to be alone waits for all others, and all others for it. */
function mayBegin(fault: Fault, open: ReadonlyMap<Fault, "under way" | "healing">, together: number): boolean {
  const others = [...open.keys()];
  if (fault.alone || others.some(({ alone }) => alone)) return others.length === 0;
  const underWay = others.filter((other) => open.get(other) === "under way");
  return underWay.length < together && underWay.every(({ target }) => mayMeet(target, fault.target));
}

async function carryOut({ farm, now, signal }: Injection, fault: Fault): Promise<FaultHistory> {
  const { begin, end } = FAULT_ACTIONS[fault.kind];
  const beganAtMs = now();
  await begin(farm, fault.target);
  await sleep(fault.lastsMs, undefined, { signal }).catch(() => undefined);
  await end(farm, fault.target);
  return { ...fault, beganAtMs, endedAtMs: now() };
}
