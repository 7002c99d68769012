import { expect, test } from "vitest";
import { processorMs, residentMebibytes } from "./processes.ts";

test("this process's memory and processor time are what Node says", () => {
  expect(residentMebibytes(process.pid)).toBeCloseTo(process.memoryUsage().rss / 2 ** 20, -2);
  const { user, system } = process.cpuUsage();
  expect(Math.abs(processorMs(process.pid) - (user + system) / 1000)).toBeLessThan(100);
});

test("a process that is none is told", () => {
  expect(() => residentMebibytes(0)).toThrow("ENOENT");
  expect(() => processorMs(0)).toThrow("ENOENT");
});
