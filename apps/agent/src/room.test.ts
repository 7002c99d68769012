/** What a machine can still take. */
import { expect, test } from "vitest";
import { Room, tooFull } from "./room.ts";

const GIB = 2 ** 30;

test.each([
  // free, of, reserve, was full, takes nothing
  [2 * GIB, 100 * GIB, undefined, false, false],
  [0.9 * GIB, 100 * GIB, undefined, false, true],
  [1.05 * GIB, 100 * GIB, undefined, true, true],
  [1.2 * GIB, 100 * GIB, undefined, true, false],
  [0.9 * GIB, 10 * GIB, undefined, false, false],
  [0.1 * GIB, 10 * GIB, undefined, false, true],
  [9 * GIB, 100 * GIB, 10 * GIB, false, true],
  [0, 100 * GIB, 0, false, false],
  [0, 100 * GIB, 0, true, false],
])("%d free of %d, %s kept, full before: %s", (freeBytes, totalBytes, reserveBytes, wasFull, isFull) => {
  const said = tooFull({ freeBytes, totalBytes, reserveBytes, wasFull });
  expect(said !== "").toBe(isFull);
  if (isFull) expect(said).toMatch(/disk-full.*keeps .* free\.$/);
});

test("the slots of a run whose processes are left behind are not given away", () => {
  let changes = 0;
  const room = new Room({ folder: "/", changed: () => (changes += 1) });
  const offered = [
    { name: "CPU", slots: 4 },
    { name: "V100", slots: 2 },
  ];
  room.leave({ machineType: "cpu", slots: 1, pids: [2 ** 22 - 1] });
  expect([room.lessen(offered), changes]).toEqual([offered, 0]);
  room.leave({ machineType: "cpu", slots: 1, pids: [process.pid] });
  room.leave({ machineType: "V100x2", slots: 2, pids: [process.pid, 2 ** 22 - 1] });
  expect(changes).toBe(2);
  expect(room.lessen(offered)).toEqual([
    { name: "CPU", slots: 3 },
    { name: "V100", slots: 0 },
  ]);
});
