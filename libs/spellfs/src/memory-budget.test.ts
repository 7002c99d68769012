import { expect, it } from "vitest";
import { MemoryBudget } from "./memory-budget.ts";

const never = new AbortController().signal;

it("lets through what fits, in order, and what is larger than all alone", async () => {
  const budget = new MemoryBudget(10);
  const passed: string[] = [];
  const take = async (name: string, bytes: number, signal = never) => {
    const giveBack = await budget.take(bytes, signal);
    passed.push(name);
    return giveBack;
  };
  const first = await take("a", 6);
  const leaving = new AbortController();
  const [large, gone, small] = [take("large", 20), take("gone", 3, leaving.signal), take("small", 4)];
  leaving.abort(new Error("left"));
  await expect(gone).rejects.toThrow("left");
  expect(passed).toEqual(["a"]);
  first();
  (await large)();
  (await small)();
  expect(passed).toEqual(["a", "large", "small"]);
});
