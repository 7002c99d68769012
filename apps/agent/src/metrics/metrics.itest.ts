/** The metrics service as runs find it: what it takes, what it refuses and with which words, and that it brings everything. */
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SpellError } from "@spell/domain";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { MetricServer } from "./metric-server.ts";
import { LEASE, openService } from "./metric-service.test-support.ts";

const loss = (number: number, index?: number) => ({ name: "loss", type: "number", number, index });

describe("the metrics service of an attempt", () => {
  it("counts a missing index on from the last one of that name, and times without a tie", async () => {
    await using service = await openService();
    const metrics = await service.open();
    const sent = [
      loss(1),
      loss(2),
      loss(3, 100),
      loss(4),
      { name: "state", type: "text", text: "ü 🚀\n" },
      loss(5, 7),
      loss(6),
    ];
    for (const each of sent) expect(await service.post(each)).toEqual({ status: 200, text: "{}" });
    await metrics.finish();
    const { points } = service.record;
    expect(points.map(({ name, index, value }) => [name, index, value])).toEqual([
      ["loss", 0, 1],
      ["loss", 1, 2],
      ["loss", 100, 3],
      ["loss", 101, 4],
      ["state", 0, "ü 🚀\n"],
      ["loss", 7, 5],
      ["loss", 8, 6],
    ]);
    expect(points.every(({ atUs }, at) => at === 0 || atUs > (points[at - 1]?.atUs ?? Infinity))).toBe(true);
    expect(service.problems).toEqual([]);
  });

  it.each([
    ["no JSON", "{", 400, "no JSON"],
    ["a NaN", '{"name":"a","type":"number","number":NaN}', 400, "NaN"],
    ["a list", "[]", 400, "JSON object"],
    ["a huge name", { ...loss(1), name: "n".repeat(5_000) }, 400, "200 characters"],
    ["a huge body", "x".repeat(10_000_000), 413, "65536 bytes"],
  ])("refuses %s with a sentence", async (_what, body, status, words) => {
    await using service = await openService();
    const metrics = await service.open();
    expect(await service.post(body)).toEqual({ status, text: expect.stringContaining(words) });
    expect(await service.post(loss(1))).toMatchObject({ status: 200 });
    await metrics.finish();
    expect(service.record.points).toHaveLength(1);
  });

  it("is found by its run alone", async () => {
    await using service = await openService();
    await service.open();
    const host = service.address.split("/")[0] ?? "";
    const ofAnother = service.server.addressFor({ ...LEASE, runId: 8 });
    for (const at of [
      host,
      `${host}/metrics`,
      `${host}/metrics/${"0".repeat(32)}`,
      ofAnother,
      `${service.address}/x`,
    ]) {
      expect(await service.post(loss(1), at), at).toEqual({
        status: 404,
        text: expect.stringContaining("SPELL_METRICS"),
      });
    }
    const answer = await fetch(`http://${service.address}/user-metrics`);
    expect(answer.status).toBe(404);
    await answer.text();
  });

  it("takes nothing once its run has ended", async () => {
    await using service = await openService();
    const metrics = await service.open();
    await service.post(loss(1));
    await metrics.finish();
    expect(await service.post(loss(2))).toEqual({ status: 410, text: expect.stringContaining("has ended") });
    await metrics.stop();
    expect(await service.post(loss(3))).toMatchObject({ status: 404 });
  });

  it("refuses the thousand-and-first name, and keeps the others", async () => {
    await using service = await openService();
    const metrics = await service.open();
    const names = Array.from({ length: 1_001 }, (_, at) => `metric ${at}`);
    for (const name of names.slice(0, 1_000)) await service.post({ ...loss(1), name });
    expect(await service.post({ ...loss(1), name: names[1_000] })).toEqual({
      status: 429,
      text: expect.stringContaining("1000 metrics already"),
    });
    expect(await service.post({ ...loss(2), name: names[5] })).toMatchObject({ status: 200 });
    await metrics.finish();
    expect(service.record.points).toHaveLength(1_001);
  });

  it("waits for a record that is away, and asks one that it does not know yet", async () => {
    await using service = await openService();
    const first = await service.open();
    service.record.error = new SpellError("unavailable", "away");
    for (const number of [0, 1, 2]) await service.post(loss(number));
    service.record.error = undefined;
    await waitFor("the points", () => service.record.points.length === 3);
    await first.stop();
    const again = await service.open();
    await service.post(loss(3));
    await again.finish();
    expect(service.record.points.map(({ value }) => value)).toEqual([0, 1, 2, 3]);
    // A record that was put back to an older state gets again what it has lost.
    service.record.points.length = 1;
    await again.stop();
    const third = await service.open();
    await service.post(loss(4));
    await third.finish();
    expect(service.record.points.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4]);
  });

  it("cuts off what a crash left unfinished, and goes on after it", async () => {
    await using service = await openService();
    const metrics = await service.open();
    await service.post(loss(1));
    await metrics.stop();
    await appendFile(join(service.folder, "metrics.jsonl"), '[17000000000,1,"lo');
    const next = await service.open();
    await service.post(loss(2));
    await next.finish();
    expect(service.record.points.map(({ index, value }) => [index, value])).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it("gives a lost lease to whoever waits, and other refusals to the log alone", async () => {
    await using service = await openService();
    const metrics = await service.open();
    service.record.error = new SpellError("stale-lease", "not ours");
    await service.post(loss(1));
    await expect(metrics.finish()).rejects.toMatchObject({ code: "stale-lease" });
    service.record.error = new SpellError("invalid-input", "no point at all");
    const again = await service.open();
    await again.finish();
    expect(service.problems).toEqual([expect.stringContaining("no point at all")]);
  });

  it("brings a million points in order", async () => {
    await using service = await openService();
    const lines = Array.from(
      { length: 1_000_000 },
      (_, at) => `[${1_700_000_000_000_000 + at},${at},"loss",${at / 8}]\n`,
    );
    await writeFile(join(service.folder, "metrics.jsonl"), lines.join(""));
    const metrics = await service.open();
    await service.post(loss(-1));
    await metrics.finish();
    const { points } = service.record;
    expect(points).toHaveLength(1_000_001);
    expect(points.findIndex(({ index }, at) => index !== at)).toBe(-1);
    expect(Math.max(...service.record.batches)).toBeLessThan(20_000);
  }, 60_000);
});

async function listening(portFile: string): Promise<MetricServer> {
  const server = new MetricServer();
  await server.listen(portFile);
  return server;
}

describe("the port of the metrics service", () => {
  it("is taken again, and another one when somebody else has it", async () => {
    await using folder = await tempFolder("spell-metrics-");
    const file = join(folder.path, "metrics-port");
    const first = await listening(file);
    const address = first.addressFor(LEASE);
    first.close();
    const second = await listening(file);
    expect(second.addressFor(LEASE)).toBe(address);
    second.close();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    await writeFile(file, `${port}\n`);
    const third = await listening(file);
    expect(third.addressFor(LEASE)).not.toContain(`:${port}/`);
    expect(third.addressFor(LEASE)).toContain(`:${(await readFile(file, "utf8")).trim()}/`);
    third.close();
    other.close();
    await writeFile(file, "nonsense");
    (await listening(file)).close();
  });
});
