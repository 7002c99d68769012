import { SpellError } from "@spell/domain";
import { expect, onTestFinished, test, vi } from "vitest";
import { untilAvailable } from "./retry.ts";

const away = new SpellError("unavailable", "The store is away.");

test("goes on until it works, and says once that it waits", async () => {
  const said: string[] = [];
  let left = 2;
  const work = (): Promise<string> => (left-- > 0 ? Promise.reject(away) : Promise.resolve("done"));
  const done = untilAvailable(work, { onWait: ({ message }) => said.push(message) });
  expect([await done, said]).toEqual(["done", ["The store is away."]]);
});

test("goes on for days, with a try every ten seconds, and ends when nobody wants it any more", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const abort = new AbortController();
  let tries = 0;
  const ended = untilAvailable(() => Promise.reject((tries++, away)), { signal: abort.signal }).catch(() => "ended");
  await vi.advanceTimersByTimeAsync(3 * 86_400_000);
  expect(tries).toBeGreaterThan((3 * 86_400_000) / 21_000);
  expect(tries).toBeLessThan((3 * 86_400_000) / 9_000);
  abort.abort();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await ended).toBe("ended");
});

test("ends at once for anything else", async () => {
  const broken = new SpellError("data-loss", "The bytes are wrong.");
  const said: string[] = [];
  const failed = untilAvailable(() => Promise.reject(broken), {
    onWait: (each) => said.push(each.message),
  });
  await expect(failed).rejects.toBe(broken);
  expect(said).toEqual([]);
});
