import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import { expect, test } from "vitest";
import { parseTraffic } from "./machine-network.ts";
import { parseCpuMs, parseIo, parseKib, usageOf } from "./process-usage.ts";

const STAT = "7 (a) b ( c) S 1 7 7 0 -1 4194560 9 9 9 9 100 50 20 5 20 0 1 0 99 9 9";

test("times, whatever the program is called", () => {
  expect(parseCpuMs(STAT)).toBe(1_750);
  for (const bad of ["", "7 (x) S 1", "nonsense", `${STAT.slice(0, 40)} x x x x`])
    expect(parseCpuMs(bad)).toBe(undefined);
});

test("counts, and what is none", () => {
  expect(parseKib("Rss:  9 kB\nPss:       4 kB\nPss_Anon: 3 kB\n", "Pss")).toBe(4_096);
  expect(parseKib("Pss: -4 kB\nPss: x kB\n", "Pss")).toBe(undefined);
  expect(parseIo("rchar: 9\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n")).toEqual({
    ...{ diskReadBytes: 5, diskWrittenBytes: 6 },
  });
  expect(parseIo("read_bytes: many")).toEqual({ diskReadBytes: 0, diskWrittenBytes: 0 });
});

test("the sum over processes, of which some vanish and some hide their memory's shares", async () => {
  await using folder = await tempFolder();
  await mkdir(join(folder.path, "7"));
  await writeFile(join(folder.path, "7", "stat"), STAT);
  await writeFile(join(folder.path, "7", "smaps_rollup"), "Pss: 4 kB\n");
  await mkdir(join(folder.path, "8"));
  await writeFile(join(folder.path, "8", "stat"), STAT.replace("7 (", "8 ("));
  await writeFile(join(folder.path, "8", "status"), "Name: x\nVmRSS:\t       6 kB\n");
  await writeFile(join(folder.path, "8", "io"), "read_bytes: 5\nwrite_bytes: 6\n");
  const pids = [7, 8, ...Array.from({ length: 100 }, (_each, index) => 1_000 + index)];
  expect(await usageOf(pids, folder.path)).toEqual({
    ...{ cpuMs: 3_500, memoryBytes: 10 * 1024, diskReadBytes: 5, diskWrittenBytes: 6 },
  });
});

test("traffic of the interfaces that lead out of the machine", () => {
  const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0
  eth0: 12 1 0 0 0 0 0 0 34 1 0 0 0 0 0 0
docker0: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0
 wlan0:100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0
garbage: x`;
  expect(parseTraffic(table)).toEqual({ receivedBytes: 112, sentBytes: 234 });
});
