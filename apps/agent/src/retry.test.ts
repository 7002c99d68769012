import { SpellError } from "@spell/domain";
import { expect, test } from "vitest";
import { untilAvailable } from "./retry.ts";

const away = new SpellError("unavailable", "The store is away.");

test("goes on until it works, and says once that it waits", async () => {
  const said: string[] = [];
  let left = 2;
  const work = (): Promise<string> => (left-- > 0 ? Promise.reject(away) : Promise.resolve("done"));
  const done = untilAvailable(work, { forMs: 60_000, onWait: ({ message }) => said.push(message) });
  expect([await done, said]).toEqual(["done", ["The store is away."]]);
});

test("ends with what went wrong when patience ends, and at once for anything else", async () => {
  await expect(untilAvailable(() => Promise.reject(away), { forMs: 1 })).rejects.toBe(away);
  const broken = new SpellError("data-loss", "The bytes are wrong.");
  const said: string[] = [];
  const failed = untilAvailable(() => Promise.reject(broken), {
    forMs: 60_000,
    onWait: (each) => said.push(each.message),
  });
  await expect(failed).rejects.toBe(broken);
  expect(said).toEqual([]);
});
