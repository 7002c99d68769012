import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Sweeper } from "./sweeper.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A sweeper whose sweeps do what the test says. */
function sweeper(sweep: () => Promise<void>): { sweeper: Sweeper; errors: unknown[] } {
  const errors: unknown[] = [];
  return { sweeper: new Sweeper({ sweep, everyMs: 1_000, onError: (error) => errors.push(error) }), errors };
}

it("sweeps again and again, also after a sweep that failed, until it is stopped", async () => {
  let sweeps = 0;
  const { sweeper: swept, errors } = sweeper(async () => {
    sweeps += 1;
    if (sweeps === 2) throw new Error("the record is away");
  });
  swept.start();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(sweeps).toBe(4);
  expect(errors).toEqual([new Error("the record is away")]);
  await swept.stop();
  expect(vi.getTimerCount()).toBe(0);
});

it("does not begin a sweep before the last has ended, and stops after it", async () => {
  const sweep = Promise.withResolvers<void>();
  let sweeps = 0;
  const { sweeper: swept } = sweeper(() => {
    sweeps += 1;
    return sweep.promise;
  });
  swept.start();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sweeps).toBe(1);
  let stopped = false;
  const stopping = swept.stop().then(() => (stopped = true));
  await vi.advanceTimersByTimeAsync(0);
  expect(stopped).toBe(false);
  sweep.resolve();
  await stopping;
  expect(vi.getTimerCount()).toBe(0);
});
