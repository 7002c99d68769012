import { SpellError, conflict, notFound } from "@spell/domain";
import { expect, test } from "vitest";
import { forEachRun } from "./batch.ts";

const IDS = Array.from({ length: 1_000 }, (_, at) => at);

test("runs are begun in their order, each once, a bounded number at a time", async () => {
  const begun: number[] = [];
  let under = 0;
  let most = 0;
  const outcome = await forEachRun([...IDS, ...IDS], async (id) => {
    begun.push(id);
    under += 1;
    most = Math.max(most, under);
    // Those behind are quicker: what is said stays in order.
    await new Promise((resolve) => setTimeout(resolve, (1_000 - id) / 500));
    under -= 1;
  });
  expect(begun).toEqual(IDS);
  expect(outcome).toEqual({ done: IDS, missing: [], refused: [] });
  expect(most).toBeGreaterThan(50);
  expect(most).toBeLessThanOrEqual(200);
});

test("each is sorted in by what became of it", async () => {
  const errors = [notFound("no run", "no-such-run"), conflict("over", "run-ended"), new SpellError("forbidden", "no")];
  const outcome = await forEachRun([5, 4, 3, 2, 1, 0], async (id) => {
    const error = errors[id];
    if (error !== undefined) throw error;
  });
  expect(outcome).toEqual({
    done: [5, 4, 3],
    missing: [0],
    refused: [
      { id: 2, code: "forbidden", message: "no" },
      { id: 1, code: "conflict", message: "over" },
    ],
  });
});

test("what is no answer about a run is thrown, once all that was begun has its end", async () => {
  const ended: number[] = [];
  const working = forEachRun(IDS, async (id) => {
    await new Promise((resolve) => setTimeout(resolve, id === 250 ? 0 : 5));
    if (id === 250) throw new SpellError("unavailable", "the record is away");
    ended.push(id);
  });
  await expect(working).rejects.toMatchObject({ code: "unavailable" });
  expect(ended).toEqual(IDS.slice(0, 400).filter((id) => id !== 250));
});
