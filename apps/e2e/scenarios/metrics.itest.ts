/** Metrics that a sandboxed run sends with the Python package: read, followed and waited for; parts killed in between. */
import { describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { makeGate } from "../support/gate.ts";

/** A command that runs this Python source. */
function python(source: string): string {
  return `python3 - <<'END'\n${source}\nEND`;
}

async function valuesOf(points: AsyncIterable<{ value: number | string }>): Promise<(number | string)[]> {
  const values: (number | string)[] = [];
  for await (const { value } of points) values.push(value);
  return values;
}

test("a run's metrics are followed live, waited for and kept, each with its index and time", async () => {
  await using farm = await Farm.start();
  await using gate = await makeGate();
  using client = farm.client();
  const run = await client.runs.create({
    command: [
      python(`
from spell.metrics import send_metric
for step in range(5):
    send_metric("keras/loss", 1 / (step + 1))
send_metric("keras/loss", 0.125, index=100)
send_metric("keras/loss", True)
send_metric("state", "warm ü")
`),
      gate.pass,
      `python3 -W error -c 'from spell.metrics import send_metric; send_metric("state", "done")'`,
    ].join("\n"),
  });
  const following = valuesOf(run.metrics("state", { follow: true }));
  await run.waitMetric("keras/loss", "lt", 0.2);
  const never = run.waitMetric("keras/loss", "lt", 0.1).catch((error: unknown) => error);
  await gate.reached(1);
  gate.open();
  await run.waitStatus("complete");
  expect(await following).toEqual(["warm ü", "done"]);
  const points = [];
  for await (const point of run.metrics("keras/loss")) points.push(point);
  expect(points.map(({ index, value }) => [index, value])).toEqual([
    [0, 1],
    [1, 1 / 2],
    [2, 1 / 3],
    [3, 1 / 4],
    [4, 1 / 5],
    [100, 0.125],
    [101, 1],
  ]);
  const after = await valuesOf(run.metrics("keras/loss", { start: points[4]?.atMs ?? 0 }));
  expect(after).toEqual([0.125, 1]);
  expect(points.every(({ at }) => Math.abs(at.getTime() - Date.now()) < 120_000)).toBe(true);
  expect(await never).toMatchObject({ code: "conflict", message: expect.stringContaining("the last number was 1.") });
});

describe("killed while a run sends metrics", { timeout: 90_000 }, () => {
  test.each(["agent", "coordinator"] as const)("the %s: what was taken is recorded once, in order", async (part) => {
    await using farm = await Farm.start();
    using client = farm.client();
    const run = await client.runs.create({
      command: python(`
import json, time, warnings
from spell.metrics import send_metric
warnings.simplefilter("error")
taken, number, ends_at = [], 0, time.monotonic() + 8
while time.monotonic() < ends_at:
    try:
        send_metric("loss", number)
        taken.append(number)
    except Warning:
        time.sleep(0.02)
    number += 1
    time.sleep(0.001)
print(json.dumps(taken))
`),
    });
    const following = valuesOf(run.metrics("loss", { follow: true }));
    await run.waitMetric("loss", "gt", 200);
    await farm.killAndWait(part);
    await run.waitStatus("complete");
    let printed = "[]";
    for await (const { text } of run.logs()) if (text.startsWith("[")) printed = text;
    const taken = JSON.parse(printed) as number[];
    const recorded = (await valuesOf(run.metrics("loss"))) as number[];
    expect(await following).toEqual(recorded);
    expect(recorded).toEqual([...new Set(recorded)].sort((a, b) => a - b));
    expect(taken.length).toBeGreaterThan(200);
    expect(taken.filter((value) => !recorded.includes(value))).toEqual([]);
    // One may have been taken whose answer was lost.
    expect(recorded.length - taken.length).toBeLessThanOrEqual(1);
    if (part === "coordinator") expect(recorded).toEqual(taken);
  });
});
