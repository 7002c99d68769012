/** kill -9 of the shipper at random moments, with nats-server killed in between: every line once, in order, same numbers. */
import { appendFile, mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LogEntry } from "@spell/domain";
import { decompressSegment } from "@spell/event-bus";
import { createNatsBus } from "@spell/event-bus/nats";
import { startNats, startServerProcess, tempFolder, waitFor } from "@spell/testing";
import type { NatsServer, ServerProcess } from "@spell/testing";
import { expect, it } from "vitest";

const LIVES = 8;
const LINES_PER_BURST = 400;
const program = fileURLToPath(new URL("log-shipper.test-process.ts", import.meta.url));

function startShipper(server: NatsServer, folder: string, life: { note: string; finish: boolean }): ServerProcess {
  const options = { folder, servers: [server.url], token: server.token, ...life };
  return startServerProcess(process.execPath, [program, JSON.stringify(options)]);
}

/** Writes lines without pause until told to stop; gives how many. */
function startWriter(spoolPath: string): { stop(): Promise<number> } {
  let written = 0;
  let stopped = false;
  const writing = (async () => {
    while (!stopped) {
      const burst = Array.from({ length: LINES_PER_BURST }, (_, index) => `line ${written + index}`).join("\n");
      // Now and then a line's end comes later than its text.
      await appendFile(spoolPath, burst);
      await new Promise((resolve) => setImmediate(resolve));
      await appendFile(spoolPath, "\n");
      written += LINES_PER_BURST;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return written;
  })();
  return {
    stop: () => {
      stopped = true;
      return writing;
    },
  };
}

async function archivedEntries(folder: string): Promise<LogEntry[]> {
  const names = (await readdir(join(folder, "segments"))).filter((name) => /^[0-9]+$/.test(name));
  const entries: LogEntry[] = [];
  for (const name of names.sort((one, other) => Number(one) - Number(other))) {
    const batch = await decompressSegment(await readFile(join(folder, "segments", name)));
    expect(batch.firstNumber, "segments follow each other without gap or overlap").toBe(entries.length);
    entries.push(...batch.entries);
  }
  return entries;
}

it("log shipper - killed again and again while lines come and the bus is restarted", async () => {
  await using folder = await tempFolder("spell-shipper-crash-");
  await using server = await startNats();
  const bus = createNatsBus({ servers: [server.url], token: server.token, name: "test", role: "coordinator" });
  const live = new Map<number, string>();
  const conflicts: number[] = [];
  await bus.subscribeLog(7, (batch) => {
    for (const [index, entry] of batch.entries.entries()) {
      const number = batch.firstNumber + index;
      if ((live.get(number) ?? entry.text) !== entry.text) conflicts.push(number);
      live.set(number, entry.text);
    }
  });
  await mkdir(join(folder.path, "segments"));
  const writer = startWriter(join(folder.path, "spool"));
  const noted: string[] = [];
  let shipper: ServerProcess | undefined;
  try {
    for (let life = 0; life < LIVES; life++) {
      const note = `notice ${life}`;
      const started = startShipper(server, folder.path, { note, finish: false });
      shipper = started;
      // Every third life is killed at any moment; the others once their notice has its place.
      if (life % 3 !== 2) {
        await waitFor("the notice", () => started.output().includes("noted"));
        noted.push(note);
      }
      if (life === 4) {
        await server.kill();
        await server.restart();
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 250));
      await started.stop("SIGKILL");
    }
    const lineCount = await writer.stop();
    await appendFile(join(folder.path, "spool"), "the end has no newline");
    const last = startShipper(server, folder.path, { note: "last notice", finish: true });
    shipper = last;
    const total = Number((await waitFor("the end", () => /total ([0-9]+)/.exec(last.output())))[1]);
    const texts = (await archivedEntries(folder.path)).map((entry) => entry.text);
    expect(texts).toHaveLength(total);
    const lines = texts.filter((text) => text.startsWith("line "));
    expect(lines).toEqual(Array.from({ length: lineCount }, (_, index) => `line ${index}`));
    const notices = texts.filter((text) => text.startsWith("notice "));
    expect(new Set(notices).size).toBe(notices.length);
    expect(notices).toEqual(expect.arrayContaining(noted));
    expect(texts.slice(-2).sort()).toEqual(["last notice", "the end has no newline"]);
    // What was published live in any life has the number it has in the archive.
    expect(conflicts).toEqual([]);
    expect(live.size).toBeGreaterThan(0);
    for (const [number, text] of live) expect(text).toBe(texts[number]);
  } finally {
    await writer.stop();
    await shipper?.stop("SIGKILL");
    await bus.close();
  }
}, 90_000);
