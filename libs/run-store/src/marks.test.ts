import fc from "fast-check";
import { expect, it } from "vitest";
import { Marks } from "./marks.ts";

it("knows what was marked, gives each node out once, and is complete when all were walked", () => {
  const mark = fc.record({ id: fc.integer({ min: 1, max: 40 }), asNode: fc.boolean() });
  fc.assert(
    fc.property(fc.array(mark), fc.integer({ min: 1, max: 5 }), (given, most) => {
      const marks = new Marks(30);
      const nodes: number[] = [];
      for (const { id, asNode } of given) marks.mark(id, asNode);
      expect(marks.isComplete).toBe(!given.some(({ id, asNode }) => asNode && id <= 30));
      for (let taken = marks.take(most); taken.length > 0; taken = marks.take(most)) {
        nodes.push(...taken);
        expect(marks.isComplete).toBe(false);
        marks.walked(taken.length);
      }
      expect(marks.isComplete).toBe(true);
      const wanted = new Set(given.filter(({ id, asNode }) => asNode && id <= 30).map(({ id }) => id));
      expect(nodes.toSorted((a, b) => a - b)).toEqual([...wanted].sort((a, b) => a - b));
      const alive = new Set(given.map(({ id }) => id));
      for (let id = 1; id <= 40; id += 1) expect(marks.has(id)).toBe(id > 30 || alive.has(id));
      expect(marks.count).toBe([...alive].filter((id) => id <= 30).length);
    }),
  );
});

it("tells what was marked late, and numbers beyond 32 bits count as new", () => {
  const marks = new Marks(10);
  marks.mark(1, false);
  marks.watchLate();
  for (const id of [1, 2, 3, 4]) marks.mark(id, false);
  expect(marks.lateCount).toBe(3);
  expect(marks.takeLate(2)).toEqual([2, 3]);
  expect(marks.takeLate(9)).toEqual([4]);
  expect(marks.has(2 ** 40)).toBe(true);
  marks.mark(2 ** 40, true);
  expect(marks.isComplete).toBe(true);
});
