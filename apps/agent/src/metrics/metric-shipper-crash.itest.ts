/** kill -9 of the metrics service at random moments, and a record that loses requests and answers: every point once, in order. */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MetricPoint, NamedPoint } from "@spell/run-store";
import { openSqliteRunStore } from "@spell/run-store/sqlite";
import { repositoryRoot, startServerProcess, tempFolder, waitFor } from "@spell/testing";
import type { ServerProcess } from "@spell/testing";
import { expect, it } from "vitest";

const LIVES = 8;
const program = fileURLToPath(new URL("metric-shipper.test-process.ts", import.meta.url));

/** The record behind a wire that breaks before and after every few commits. */
async function startRecord(path: string) {
  const store = openSqliteRunStore(path);
  let commits = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      commits += 1;
      if (commits % 5 === 1) return void response.destroy();
      const body = JSON.parse(Buffer.concat(parts).toString()) as {
        firstNumber: number;
        points: { name: string; atUs: number; index: number; value: number }[];
      };
      const points = body.points.map(({ atUs, ...rest }): NamedPoint => ({ ...rest, atMs: atUs / 1_000 }));
      void store.metrics.addBatch(7, 1, body.firstNumber, points).then((recorded) => {
        if (commits % 5 === 3) response.destroy();
        else response.end(String(recorded));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    points: (): Promise<MetricPoint[]> => store.metrics.listPoints(7, "loss"),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
    },
  };
}

/** Sends 0, 1, 2, … one after the other; gives those that were taken, and how many were sent. */
function startSender(address: () => string): { stop(): Promise<{ taken: number[]; sent: number }> } {
  const taken: number[] = [];
  let sent = 0;
  let stopped = false;
  const sending = (async () => {
    while (!stopped) {
      const number = sent;
      const body = JSON.stringify({ name: "loss", type: "number", number });
      const response = await fetch(`http://${address()}/user-metrics`, { method: "POST", body }).catch(() => undefined);
      // Whether one that got no answer was taken is not known: it is not sent again.
      sent += 1;
      if (response?.status === 200) taken.push(number);
      else await new Promise((resolve) => setTimeout(resolve, 5));
      await response?.text().catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await sending;
      return { taken, sent };
    },
  };
}

async function addressOf(life: ServerProcess): Promise<string> {
  return waitFor("the service to listen", () => /^at (\S+)$/m.exec(life.output())?.[1], { everyMs: 5 });
}

it("survives kill -9 at any moment: every point that was taken is recorded once, in order, and the address stays", async () => {
  await using folder = await tempFolder("spell-metrics-");
  await using record = await startRecord(join(folder.path, "record.db"));
  const start = (finish: boolean): ServerProcess =>
    startServerProcess(process.execPath, [
      program,
      JSON.stringify({ folder: folder.path, record: record.url, finish }),
    ]);
  await using first = start(false);
  const address = await addressOf(first);
  const sender = startSender(() => address);
  let life = first;
  for (let lives = 1; lives < LIVES; lives += 1) {
    const before = (await record.points()).length;
    // In the middle of taking and shipping, each time a little later.
    await waitFor("points to be shipped", async () => (await record.points()).length > before + 7 * lives, {
      everyMs: 3,
    });
    await life.stop("SIGKILL");
    life = start(false);
    expect(await addressOf(life)).toBe(address);
  }
  const { taken, sent } = await sender.stop();
  await life.stop("SIGKILL");
  await using last = start(true);
  await waitFor("all to be shipped", () => last.output().includes("finished"));
  const points = await record.points();
  const values = points.map(({ value }) => Number(value));
  expect(new Set(values).size).toBe(values.length);
  expect(values).toEqual([...values].sort((a, b) => a - b));
  expect(taken.filter((value) => !values.includes(value))).toEqual([]);
  expect(values.length - taken.length).toBeLessThanOrEqual(LIVES);
  expect(values.at(-1)).toBeLessThan(sent);
  // Indices and times go on through every restart.
  expect(points.map(({ index }) => index)).toEqual(values.map((_, at) => at));
  expect(points.every(({ atMs }, at) => at === 0 || atMs > (points[at - 1]?.atMs ?? Infinity))).toBe(true);
}, 60_000);

/** Sends as fast as it can, and not so fast, until the file is there; then says how many. */
const PYTHON = `
import os, sys, time
from spell.metrics import send_metric
number = 0
while not os.path.exists(sys.argv[1]):
    send_metric("loss", number)
    number += 1
    if number % 50 == 0: time.sleep(0.002)
    if number % 1_000 == 0: time.sleep(0.02)
print("sent", number, flush=True)
`;

it("takes every point of a stream once, in order, whenever it is killed", async () => {
  await using folder = await tempFolder("spell-metrics-");
  await using record = await startRecord(join(folder.path, "record.db"));
  const start = (finish: boolean): ServerProcess =>
    startServerProcess(process.execPath, [
      program,
      JSON.stringify({ folder: folder.path, record: record.url, finish }),
    ]);
  await using first = start(false);
  const address = await addressOf(first);
  const path = { PYTHONPATH: join(repositoryRoot, "libs", "sdk-python"), PYTHONDONTWRITEBYTECODE: "1" };
  const env = { PATH: process.env["PATH"], ...path, SPELL_RUN: "1", SPELL_METRICS: address };
  const enough = join(folder.path, "enough");
  await using python = startServerProcess("python3", ["-c", PYTHON, enough], { env });
  let life = first;
  for (let lives = 1; lives < LIVES; lives += 1) {
    const before = (await record.points()).length;
    await waitFor("points to be shipped", async () => (await record.points()).length > before + 207 * lives, {
      everyMs: 3,
    });
    await life.stop("SIGKILL");
    life = start(false);
    expect(await addressOf(life)).toBe(address);
  }
  await writeFile(enough, "");
  const sent = await waitFor("the sender to end", () => /^sent (\d+)$/m.exec(python.output())?.[1], {
    timeoutMs: 30_000,
  });
  await python.stop();
  await life.stop("SIGKILL");
  await using last = start(true);
  await waitFor("all to be shipped", () => last.output().includes("finished"));
  expect(python.output()).toBe(`sent ${sent}\n`);
  const points = await record.points();
  expect(points).toHaveLength(Number(sent));
  expect(points.findIndex(({ value, index }, at) => value !== at || index !== at)).toBe(-1);
}, 60_000);
