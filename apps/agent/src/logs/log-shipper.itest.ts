/** The shipper on real files and inotify, with the bus and the archive in memory. */
import fs from "node:fs";
import { appendFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { MAX_ENTRY_BYTES } from "@spell/domain";
import type { LogBatch } from "@spell/domain";
import { createMemoryBus } from "@spell/event-bus/memory";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { LogShipper } from "./log-shipper.ts";
import type { LogShipperOptions } from "./log-shipper.ts";
import { notice, testArchive } from "./log-shipper.test-support.ts";

async function attempt(options: Partial<LogShipperOptions> = {}) {
  const folder = await tempFolder("spell-shipper-");
  const archive = testArchive();
  const bus = createMemoryBus();
  const spoolPath = join(folder.path, "spool");
  const live: LogBatch[] = [];
  await bus.subscribeLog(7, (batch) => void live.push(batch));
  const shippers: LogShipper[] = [];
  return {
    spoolPath,
    archive,
    bus,
    live,
    liveTexts: () => live.flatMap((batch) => batch.entries.map((entry) => entry.text)),
    archivedTexts: async () => (await archive.entries()).map((entry) => entry.text),
    open: async () => {
      const shipper = await LogShipper.open({
        runId: 7,
        attempt: 1,
        attemptDir: folder.path,
        spoolPath,
        bus,
        archive,
        ...options,
      });
      shippers.push(shipper);
      return shipper;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(shippers.map((shipper) => shipper.stop()));
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("log shipper", () => {
  it("says of a notice that finds the machine's disk full that it is the disk, and goes on once there is room", async () => {
    await using test = await attempt();
    const shipper = await test.open();
    const append = fs.appendFileSync;
    fs.appendFileSync = () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    syncBuiltinESMExports();
    try {
      await expect(shipper.note(notice("lost"))).rejects.toMatchObject({ code: "unavailable", reason: "disk-full" });
    } finally {
      fs.appendFileSync = append;
      syncBuiltinESMExports();
    }
    await shipper.note(notice("kept"));
    await shipper.finish();
    expect(await test.archivedTexts()).toEqual(["kept"]);
  });

  it("ships notices and lines in order, live and archived, with the same numbers", async () => {
    await using test = await attempt();
    const shipper = await test.open();
    await shipper.note(notice("Run is building"));
    await writeFile(test.spoolPath, "");
    await shipper.note(notice("Run is running"));
    await appendFile(test.spoolPath, "one\ntwo\r\n\nthree 50%\rthree 100%\n");
    await waitFor("the lines", () => test.liveTexts().length === 6);
    await appendFile(test.spoolPath, "no newline");
    await shipper.outputEnded();
    await shipper.note(notice("Run is saving"));
    const total = await shipper.finish();
    const expected = [
      "Run is building",
      "Run is running",
      "one",
      "two\r",
      "",
      "three 50%\rthree 100%",
      "no newline",
      "Run is saving",
    ];
    expect(total).toBe(expected.length);
    expect(await test.archivedTexts()).toEqual(expected);
    await waitFor("the live end", () => test.liveTexts().length === total);
    expect(test.liveTexts()).toEqual(expected);
    expect((await test.archive.entries()).map((entry) => entry.status)[2]).toBe("running");
    await expect(shipper.note(notice("late"))).rejects.toMatchObject({ code: "conflict" });
    expect(await shipper.finish()).toBe(total);
  });

  it("finishes an attempt without any output", async () => {
    await using test = await attempt();
    const shipper = await test.open();
    expect(await shipper.finish()).toBe(0);
    expect(test.archive.segments.size).toBe(0);
  });

  it("puts a notice before a line that is still being written", async () => {
    await using test = await attempt();
    const shipper = await test.open();
    await writeFile(test.spoolPath, "done\nhal");
    await shipper.note(notice("Run is stopping"));
    await appendFile(test.spoolPath, "f\n");
    await shipper.finish();
    expect(await test.archivedTexts()).toEqual(["done", "Run is stopping", "half"]);
  });

  it("survives any bytes: NUL, invalid UTF-8, a line of 10 MB", async () => {
    await using test = await attempt();
    const long = Buffer.alloc(10 * 1024 * 1024, "é");
    await writeFile(
      test.spoolPath,
      Buffer.concat([Buffer.from("a\0b\n"), Buffer.from([0xff, 0xfe, 0x41, 0x0a]), long, Buffer.from("\nend\n")]),
    );
    const shipper = await test.open();
    const total = await shipper.finish();
    const entries = await test.archive.entries();
    expect(entries).toHaveLength(total);
    expect(entries[0]?.text).toBe("a\0b");
    expect(entries[1]?.text).toBe("\uFFFD\uFFFDA");
    expect(entries.at(-1)?.text).toBe("end");
    const pieces = entries.slice(2, -1);
    expect(pieces.map((piece) => piece.text).join("")).toBe(long.toString());
    expect(pieces.every((piece) => Buffer.byteLength(piece.text) <= MAX_ENTRY_BYTES)).toBe(true);
    expect(pieces.map((piece) => piece.partial)).toEqual(pieces.map((_, index) => index < pieces.length - 1));
  });

  it("archives while the bus is away, and publishes what comes after", async () => {
    await using test = await attempt({ maxArchiveAgeMs: 20 });
    test.bus.setConnected(false);
    const shipper = await test.open();
    await writeFile(test.spoolPath, "one\ntwo\n");
    await waitFor("the segment", () => test.archive.segments.size > 0);
    test.bus.setConnected(true);
    await appendFile(test.spoolPath, "three\n");
    await waitFor("the live lines", () => test.liveTexts().includes("three"));
    await shipper.finish();
    expect(await test.archivedTexts()).toEqual(["one", "two", "three"]);
  });

  it("loses nothing when bus and archive are away while far more than memory may hold is written", async () => {
    await using test = await attempt({ maxArchiveAgeMs: 20 });
    test.bus.setConnected(false);
    test.archive.away = true;
    const shipper = await test.open();
    const line = "x".repeat(1000);
    const count = 80_000;
    for (let block = 0; block < 8; block++) {
      const texts = Array.from({ length: count / 8 }, (_, index) => `${block * 10_000 + index} ${line}\n`);
      await appendFile(test.spoolPath, texts.join(""));
    }
    await shipper.note(notice("in between"));
    await waitFor("everything to be read", () => shipper.position().number === count + 1, { timeoutMs: 30_000 });
    test.archive.away = false;
    await appendFile(test.spoolPath, "last\n");
    expect(await shipper.finish()).toBe(count + 2);
    const texts = await test.archivedTexts();
    expect(texts).toHaveLength(count + 2);
    expect(texts.slice(0, count).every((text, index) => text.startsWith(`${index} `))).toBe(true);
    expect(texts.slice(-2)).toEqual(["in between", "last"]);
  }, 60_000);

  it("says when the spool was cut, and goes on", async () => {
    await using test = await attempt();
    const shipper = await test.open();
    await writeFile(test.spoolPath, "one\ntwo\n");
    await waitFor("the lines", () => test.liveTexts().length === 2);
    await truncate(test.spoolPath, 0);
    await waitFor("the warning", () => test.liveTexts().length === 3);
    await appendFile(test.spoolPath, "three\n");
    const total = await shipper.finish();
    const texts = await test.archivedTexts();
    expect(texts).toHaveLength(total);
    expect(texts[2]).toContain("cut by another process");
    expect(texts.at(-1)).toBe("three");
  });

  it("keeps the numbers when the spool was cut while no agent was there", async () => {
    await using test = await attempt();
    const first = await test.open();
    await first.note(notice("Run is running"));
    await writeFile(test.spoolPath, "one\ntwo\nthree\n");
    await waitFor("the lines", () => test.liveTexts().length === 4);
    await truncate(test.spoolPath, 0);
    await waitFor("the warning", () => test.liveTexts().length === 5);
    await first.stop();
    const second = await test.open();
    await appendFile(test.spoolPath, "four\n");
    expect(await second.finish()).toBe(6);
    const texts = await test.archivedTexts();
    expect(texts.at(-2)).toContain("cut by another process");
    expect(texts.at(-1)).toBe("four");
    expect(texts.filter((text) => text.includes("was lost"))).toHaveLength(3);
  });

  it("says that the spool is no file, and finishes", async () => {
    await using test = await attempt();
    await mkdir(test.spoolPath);
    const shipper = await test.open();
    await waitFor("the warning", () => test.liveTexts().length === 1);
    await shipper.note(notice("Run is saving"));
    expect(await shipper.finish()).toBe(2);
    expect(await test.archivedTexts()).toEqual([expect.stringContaining("not a plain file"), "Run is saving"]);
  });

  it("ends with stale-lease when the attempt is no longer ours", async () => {
    await using test = await attempt();
    test.archive.stale = true;
    const shipper = await test.open();
    await writeFile(test.spoolPath, "one\n");
    await expect(shipper.finish()).rejects.toMatchObject({ code: "stale-lease" });
  });

  it("waits for the archive to come back before it finishes", async () => {
    await using test = await attempt();
    test.archive.away = true;
    const shipper = await test.open();
    await writeFile(test.spoolPath, "one\n");
    let finished = false;
    const finishing = shipper.finish().then((total) => {
      finished = true;
      return total;
    });
    await waitFor("the line", () => test.liveTexts().length === 1);
    expect(finished).toBe(false);
    test.archive.away = false;
    expect(await finishing).toBe(1);
  });

  it("does not start over after a restart, and archives a planned segment with the same ends", async () => {
    await using test = await attempt({ maxArchiveAgeMs: 10 });
    const first = await test.open();
    await writeFile(test.spoolPath, "one\ntwo\n");
    await waitFor("the segment", () => test.archive.segments.size === 1);
    await first.stop();
    const state = await readFile(join(test.spoolPath, "..", "archived.json"), "utf8");
    expect(JSON.parse(state)).toMatchObject({ cuts: [{ number: 2, offset: 8 }] });
    const second = await test.open();
    await appendFile(test.spoolPath, "three\n");
    expect(await second.finish()).toBe(3);
    expect([...test.archive.segments.keys()]).toEqual([0, 2]);
    expect(await test.archivedTexts()).toEqual(["one", "two", "three"]);
  });

  it("ignores files of its own that were spoiled", async () => {
    await using test = await attempt();
    await writeFile(join(test.spoolPath, "..", "archived.json"), '{"done":{"number":-1}}');
    await writeFile(
      join(test.spoolPath, "..", "notices.jsonl"),
      '{"offset":0,"entry":{"atMs":1,"text":"kept","status":"","statusEvent":false,"level":"","partial":false}}\n{"offs',
    );
    await writeFile(test.spoolPath, "one\n");
    const shipper = await test.open();
    await shipper.note(notice("next"));
    await shipper.finish();
    expect(await test.archivedTexts()).toEqual(["kept", "one", "next"]);
  });
});
