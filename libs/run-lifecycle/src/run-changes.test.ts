import { createMemoryBus } from "@spell/event-bus/memory";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RunChanges } from "./run-changes.ts";

const CHANGED = { id: 7, status: "running", version: 3 } as const;

async function start() {
  const bus = createMemoryBus();
  const changes = new RunChanges(bus);
  await changes.start();
  return { bus, changes };
}

/** Whether a wait has ended, after all that can happen without time passing. */
async function ended(wait: Promise<void>): Promise<boolean> {
  let done = false;
  void wait.then(() => (done = true));
  await vi.advanceTimersByTimeAsync(0);
  return done;
}

describe("run changes", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("wake everybody who waits for that run, and nobody else", async () => {
    const { changes } = await start();
    const [first, second, other] = [changes.next(7), changes.next(7), changes.next(8)];
    expect(await ended(first)).toBe(false);
    changes.publish(CHANGED);
    expect([await ended(first), await ended(second), await ended(other)]).toEqual([true, true, false]);
    await changes.stop();
  });

  it("reach the waiters of another coordinator over the bus", async () => {
    const { bus, changes } = await start();
    const standby = new RunChanges(bus);
    await standby.start();
    const wait = standby.next(7);
    changes.publish(CHANGED);
    expect(await ended(wait)).toBe(true);
  });

  it("wake this process's own waiters when the bus is away", async () => {
    const { bus, changes } = await start();
    bus.setConnected(false);
    const wait = changes.next(7);
    changes.publish(CHANGED);
    expect(await ended(wait)).toBe(true);
  });

  it("wake their own waiters once, before the news has come back over the bus", async () => {
    const { bus, changes } = await start();
    const published = vi.spyOn(bus, "publishStatus");
    const [first, standby] = [changes.next(7), new RunChanges(bus)];
    await standby.start();
    let second: Promise<void> | undefined;
    const firstEnded = first.then(() => void (second = changes.next(7)));
    changes.publish(CHANGED);
    await firstEnded;
    expect(published).toHaveBeenCalledTimes(1);
    expect(await ended(second ?? Promise.resolve())).toBe(false);
    await standby.stop();
    await changes.stop();
  });

  it("wake them also when the bus goes away during the publishing", async () => {
    const { bus, changes } = await start();
    vi.spyOn(bus, "connected").mockReturnValue(true);
    bus.setConnected(false);
    const wait = changes.next(7);
    changes.publish(CHANGED);
    expect(await ended(wait)).toBe(true);
  });

  it("wake by themselves after two seconds: news may be lost", async () => {
    const { changes } = await start();
    const wait = changes.next(7);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(await ended(wait)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await ended(wait)).toBe(true);
  });

  it("end a wait that is given up, at once and also beforehand", async () => {
    const { changes } = await start();
    const giveUp = new AbortController();
    const wait = changes.next(7, giveUp.signal);
    expect(await ended(wait)).toBe(false);
    giveUp.abort();
    expect(await ended(wait)).toBe(true);
    expect(await ended(changes.next(7, giveUp.signal))).toBe(true);
  });

  it("leave no timer behind", async () => {
    const { changes } = await start();
    const giveUp = new AbortController();
    const waits = [changes.next(7), changes.next(7, giveUp.signal), changes.next(8), changes.next(9)];
    changes.publish(CHANGED);
    giveUp.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(2);
    await changes.stop();
    await Promise.all(waits);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("one wait serves one change: the next is waited for anew", async () => {
    const { changes } = await start();
    changes.publish(CHANGED);
    await vi.advanceTimersByTimeAsync(0);
    const wait = changes.next(7);
    expect(await ended(wait)).toBe(false);
    changes.publish(CHANGED);
    expect(await ended(wait)).toBe(true);
  });
});
