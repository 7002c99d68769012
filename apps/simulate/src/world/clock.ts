/** Replaces the timers, clocks and chance of this Node.js by those of the world, for code that runs as one of its processes. */
import type { SimEvent } from "./world.ts";
import { BEGIN_MS, currentProcess, world } from "./world.ts";

const real = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  clearImmediate: globalThis.clearImmediate,
  now: Date.now.bind(Date),
  monotonic: performance.now.bind(performance),
  random: Math.random.bind(Math),
};

/** A loop is never quite on time. */
const LATEST_MS = 2;
const IMMEDIATE_MS = 0.02;

/** What a timer function gives, as far as anybody asks. */
class SimTimer {
  event: SimEvent | undefined;

  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  cancel(): void {
    if (this.event !== undefined) this.event.run = undefined;
    this.event = undefined;
  }
}

export function installClock(): void {
  const timeout = (run: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): unknown => {
    if (currentProcess() === undefined) return real.setTimeout(run, delayMs, ...args);
    const timer = new SimTimer();
    timer.event = world().after(lateBy(delayMs), "timer", () => run(...args));
    return timer;
  };
  const interval = (run: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): unknown => {
    if (currentProcess() === undefined) return real.setInterval(run, delayMs, ...args);
    const timer = new SimTimer();
    const again = (): void => {
      timer.event = world().after(lateBy(delayMs), "interval", () => {
        again();
        run(...args);
      });
    };
    again();
    return timer;
  };
  const immediate = (run: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    if (currentProcess() === undefined) return real.setImmediate(run, ...args);
    const timer = new SimTimer();
    timer.event = world().after(IMMEDIATE_MS, "immediate", () => run(...args));
    return timer;
  };
  const clear = (otherwise: (timer: never) => void) => {
    return (timer: unknown): void => {
      if (timer instanceof SimTimer) timer.cancel();
      else otherwise(timer as never);
    };
  };
  Object.assign(globalThis, {
    setTimeout: timeout,
    setInterval: interval,
    setImmediate: immediate,
    clearTimeout: clear(real.clearTimeout),
    clearInterval: clear(real.clearInterval),
    clearImmediate: clear(real.clearImmediate),
  });
  // Node.js keeps every signal made of others for as long as somebody listens and none of them has fired: those of dead processes for ever.
  AbortSignal.any = firstOf;
  Date.now = () => {
    const process = currentProcess();
    return process === undefined ? real.now() : Math.floor(wallClockMs());
  };
  Object.defineProperty(performance, "now", {
    value: () => (currentProcess() === undefined ? real.monotonic() : world().nowMs),
  });
  Math.random = () => (currentProcess() === undefined ? real.random() : world().random.fraction());
}

/** As `AbortSignal.any`, but nobody keeps it. */
function firstOf(signals: Iterable<AbortSignal>): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  }
  return controller.signal;
}

/** What the clock on the wall of the present process's machine shows. */
function wallClockMs(): number {
  return BEGIN_MS + world().nowMs + (currentProcess()?.host.clockOffsetMs ?? 0);
}

function lateBy(delayMs: number): number {
  const wanted = Number.isFinite(delayMs) ? Math.max(1, delayMs) : 1;
  return wanted + world().random.fraction() * LATEST_MS;
}
