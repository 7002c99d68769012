import { expect, test } from "vitest";
import { keepInFlight } from "./in-flight.ts";

const signal = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("so many are under way at once, and each that finished is counted", async () => {
  let underWay = 0;
  let most = 0;
  let finished = 0;
  const rate = await keepInFlight({ atOnce: 3, forMs: 20, signal }, async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await turn();
    underWay -= 1;
    finished += 1;
  });
  expect(most).toBe(3);
  expect(rate.count).toBe(finished);
  expect(rate.perSecond).toBeGreaterThan(0);
});

test("one failure ends all, and is told once nothing is under way any more", async () => {
  let underWay = 0;
  let begun = 0;
  const failing = keepInFlight({ atOnce: 2, forMs: 10_000, signal }, async () => {
    begun += 1;
    const breaks = begun === 1;
    underWay += 1;
    await turn();
    underWay -= 1;
    if (breaks) throw new Error("it broke");
  });
  await expect(failing).rejects.toThrow("it broke");
  expect(underWay).toBe(0);
});

test("an abort ends it", async () => {
  const abort = new AbortController();
  const load = { atOnce: 2, forMs: 10_000, signal: abort.signal };
  const measuring = keepInFlight(load, async () => {
    abort.abort(new Error("enough"));
    await turn();
  });
  await expect(measuring).rejects.toThrow("enough");
});
