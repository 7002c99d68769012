/** Metrics over HTTP: what was sent comes in order and once, live and afterwards; waits end when they should. */
import { describe, expect, it } from "vitest";
import { waitFor } from "@spell/testing";
import { ask, lines, newRun, post, send } from "../test-support/api.ts";
import { startSendingRun } from "../test-support/metrics.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

type Row = [string, number, number | string];

/** The rows of one metric in the lines of a stream. */
function rowsOf(answer: readonly Record<string, unknown>[], id: number, name: string): Row[] {
  return answer.flatMap((line) => {
    const byRun = line["metrics_by_run"] as Record<string, Record<string, { data: Row[] }>> | undefined;
    return byRun?.[id]?.[name]?.data ?? [];
  });
}

function valuesOf(answer: readonly Record<string, unknown>[], id: number, name: string): unknown[] {
  return rowsOf(answer, id, name).map(([, , value]) => value);
}

function read(world: World, id: number, metrics: { name: string; offset?: string | null }[], follow = false) {
  return lines(world, `runs/ann/${id}/user-metrics`, { metrics, follow });
}

function isIdle(world: World): boolean {
  return world.held().waits === 0;
}

describe("the metrics of a run", () => {
  it("come with their times and indices, then the end, under a header that says more lines may come", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    await run.send("loss", 0.5, "later \u2028", -3);
    const response = await send(world, `runs/ann/${run.id}/user-metrics`, { body: { metrics: [{ name: "loss" }] } });
    expect(response.headers.get("stream")).toBeTruthy();
    const text = await response.text();
    expect(text).toMatch(/^[\x20-\x7e\n]+$/);
    const answer = text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answer).toEqual([
      { connected: true },
      {
        metrics_by_run: {
          [run.id]: {
            loss: {
              data: [
                ["2023-11-14T22:13:20.000000Z", 0, 0.5],
                ["2023-11-14T22:13:20.000001Z", 1, "later \u2028"],
                ["2023-11-14T22:13:20.000002Z", 2, -3],
              ],
            },
          },
        },
        finished: false,
      },
      { metrics_by_run: { [run.id]: {} }, finished: true },
    ]);
  });

  it("several at once, each from its own time on, with a name of any kind", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    await run.send("loss", 1, 2, 3);
    await run.send("__proto__", "x");
    const [, second] = rowsOf(await read(world, run.id, [{ name: "loss" }]), run.id, "loss");
    const answer = await read(world, run.id, [
      { name: "loss", offset: second?.[0] },
      { name: "__proto__", offset: null },
      { name: "never sent" },
    ]);
    expect(valuesOf(answer, run.id, "loss")).toEqual([3]);
    const all = JSON.stringify(answer);
    expect(all).toContain('"__proto__":{"data":[["');
    expect(rowsOf(answer, run.id, "never sent")).toEqual([]);
    // Clients look a name up wherever there is any point at all.
    for (const line of answer.slice(1, -1)) {
      const byName = (line["metrics_by_run"] as Record<string, object>)[run.id] ?? {};
      expect(Object.keys(byName)).toEqual(["loss", "__proto__", "never sent"]);
    }
  });

  it("are followed until the run has ended, and not longer", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    await run.send("loss", 1);
    const following = read(world, run.id, [{ name: "loss" }], true);
    await waitFor("somebody to follow", () => !isIdle(world));
    await run.send("loss", 2, 3);
    await run.send("other", 9);
    await run.send("loss", 4);
    await run.end();
    const answer = await following;
    expect(valuesOf(answer, run.id, "loss")).toEqual([1, 2, 3, 4]);
    expect(answer.at(-1)).toMatchObject({ finished: true });
    expect(isIdle(world)).toBe(true);
    expect(valuesOf(await read(world, run.id, [{ name: "loss" }], true), run.id, "loss")).toEqual([1, 2, 3, 4]);
  });

  it("of a run that has not started are none yet, and a follower that leaves is forgotten", async () => {
    await using world = await openWorld();
    const id = await newRun(world);
    expect(await read(world, id, [{ name: "loss" }])).toEqual([
      { connected: true },
      { metrics_by_run: { [id]: {} }, finished: true },
    ]);
    const leaving = new AbortController();
    const body = { metrics: [{ name: "loss" }], follow: true };
    const response = await send(world, `runs/ann/${id}/user-metrics`, { body, signal: leaving.signal });
    await waitFor("somebody to follow", () => !isIdle(world));
    leaving.abort();
    await response.text().catch(() => undefined);
    await waitFor("nobody to follow", () => isIdle(world));
  });

  it.each([
    [{}],
    [{ metrics: [] }],
    [{ metrics: "loss" }],
    [{ metrics: [{ name: 7 }] }],
    [{ metrics: [{ name: "loss", offset: 5 }] }],
    [{ metrics: [{ name: "loss", offset: "yesterday" }] }],
    [{ metrics: Array.from({ length: 1_001 }, () => ({ name: "loss" })) }],
    [{ metrics: [{ name: "loss" }], follow: "yes" }],
  ])("are not given for %j", async (body) => {
    await using world = await openWorld();
    const id = await newRun(world);
    const answer = await ask(world, `runs/ann/${id}/user-metrics`, { body });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(/\S/) } });
  });
});

describe("waiting for a metric", () => {
  const wait = (world: World, id: number, condition: string, value: unknown, name = "loss") =>
    lines(world, `runs/ann/${id}/wait_metric`, { metric_name: name, condition, value });

  it.each([
    ["lt", 0.5],
    ["lte", 0.25],
    ["gt", 0.9],
    ["gte", 1],
    ["eq", 1],
    ["eq", "done"],
  ])("%s %j ends at once when some value was so", async (condition, value) => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    await run.send("loss", 1, 0.25, 0.6, "done", 0.6);
    expect(await wait(world, run.id, condition, value)).toEqual([{ success: true }]);
  });

  it("is held until a value comes, also one among many", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    await run.send("loss", ...Array.from({ length: 2_500 }, (_, at) => 1 + at));
    const waits = [wait(world, run.id, "lt", 0.5), wait(world, run.id, "eq", 0.1), wait(world, run.id, "eq", "done")];
    let ended = 0;
    for (const each of waits) void each.then(() => (ended += 1));
    await waitFor("all to wait", () => world.held().waits === 3);
    await run.send("loss", "not yet", 0.5);
    await run.send("other", 0.1, "done");
    await waitFor("all to wait again", () => world.held().waits === 3);
    expect(ended).toBe(0);
    await run.send("loss", 7, 0.1, 9, "done");
    expect(await Promise.all(waits)).toEqual([1, 2, 3].map(() => [{ success: true }]));
    expect(isIdle(world)).toBe(true);
  });

  it("ends with a sentence when the run ends without", async () => {
    await using world = await openWorld();
    using run = await startSendingRun(world);
    await run.send("loss", 0.7, "text");
    const waits = [
      wait(world, run.id, "lt", 0.5),
      wait(world, run.id, "gte", 0.7, "accuracy"),
      wait(world, run.id, "eq", "done"),
    ];
    await waitFor("all to wait", () => world.held().waits === 3);
    await run.end();
    const [loss, accuracy, done] = await Promise.all(waits);
    const ended = `Run ${run.id} has ended as complete`;
    const last = "the last number was 0.7.";
    expect(loss).toEqual([
      { success: false, error: `${ended} and its metric "loss" never was less than 0.5: ${last}` },
    ]);
    expect(accuracy).toEqual([{ success: false, error: `${ended} and never sent a metric "accuracy".` }]);
    expect(done).toEqual([
      { success: false, error: `${ended} and its metric "loss" never was equal to "done": ${last}` },
    ]);
  });

  it("for a run that is cancelled before it starts ends, too", async () => {
    await using world = await openWorld();
    const id = await newRun(world);
    const waiting = wait(world, id, "gt", 0);
    await waitFor("somebody to wait", () => !isIdle(world));
    await post(world, `runs/ann/${id}/kill`);
    expect(await waiting).toEqual([
      { success: false, error: `Run ${id} has ended as killed and never sent a metric "loss".` },
    ]);
  });

  it.each([
    ["near", 1, /near/],
    ["gt", "text", /no order/],
    ["", 1, /condition/],
  ])("%j %j is refused with a sentence", async (condition, value, words) => {
    await using world = await openWorld();
    const id = await newRun(world);
    const [answer] = await wait(world, id, condition, value);
    expect(answer).toEqual({ success: false, error: expect.stringMatching(words) });
  });

  it.each([[{}], [{ metric_name: "loss", condition: "lt" }], [{ metric_name: "loss", condition: "lt", value: true }]])(
    "%j is no request",
    async (body) => {
      await using world = await openWorld();
      const id = await newRun(world);
      expect(await ask(world, `runs/ann/${id}/wait_metric`, { body })).toMatchObject({ status: 400 });
    },
  );
});
