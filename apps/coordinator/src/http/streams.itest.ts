import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ServerResponse } from "node:http";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { waitFor } from "@spell/testing";
import type { Lease } from "../test-support/agent.ts";
import { archive, connectAgent, logEntry, report } from "../test-support/agent.ts";
import { ask, lines, newRun, post } from "../test-support/api.ts";
import { chunksOf, exchange, openRaw, rawPost } from "../test-support/raw-http.ts";
import type { World } from "../test-support/world.ts";
import { openWorld, replacing } from "../test-support/world.ts";

/** What clients take for the end of a line, and what they would have to wait for. */
const AWKWARD = [
  "",
  "plain",
  "two\r\nlines",
  "\u0085 \u2028 \u2029",
  "\u{1f600} grüße",
  '{"finished": true}',
  "\t\0\x1b[31m",
];

/** A run of Ann's that has started on an agent. */
async function startRun(world: World) {
  const agent = await connectAgent(world);
  onTestFinished(() => agent[Symbol.dispose]());
  const id = await newRun(world);
  const { lease } = await agent.stream.attemptOf(id);
  await agent.stream.ask({ attempts: [report(lease, ["building", "running"])] });
  return { id, lease, agent };
}

/** A run that has printed these lines and ended. */
async function endedRun(world: World, texts: readonly string[]): Promise<number> {
  const { id, lease, agent } = await startRun(world);
  if (texts.length > 0) await archive(world, { token: agent.token, lease, firstNumber: 0, texts });
  const end = { cause: "exit", exitCode: 0, logEntries: texts.length };
  await agent.stream.ask({ attempts: [report(lease, ["building", "running"], end)] });
  return id;
}

function publish(world: World, lease: Lease, firstNumber: number, text: string): Promise<void> {
  return world.bus.publishLog({ ...lease, firstNumber, entries: [logEntry(text)] });
}

function isIdle(world: World): boolean {
  const { waits, tails } = world.held();
  return waits === 0 && tails === 0;
}

function textsOf(answer: readonly Record<string, unknown>[]): unknown[] {
  return answer.flatMap((line) => ("log_entry" in line ? [(line["log_entry"] as { log: string }).log] : []));
}

describe("the log of a run", () => {
  it("comes one line per chunk, in ASCII, without a blank line, and ends by saying so", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, AWKWARD);
    const answer = await exchange(world, rawPost(world, `runs/ann/${id}/logs`, { follow: true, offset: 0 }));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\ncontent-type: application\/json\r\n/i);
    expect(answer).not.toMatch(/\r\ncontent-encoding:/i);
    const chunks = chunksOf(answer);
    for (const chunk of chunks) expect(chunk).toMatch(/^\{[\x20-\x7e]+\}\n$/);
    const values = chunks.map((chunk) => JSON.parse(chunk) as Record<string, unknown>);
    const created = "Run created -- waiting for a CPU machine.";
    const texts = [created, ...AWKWARD, expect.stringMatching(/^Total run time: /), `Run ${id} complete`];
    expect(textsOf(values)).toEqual(texts);
    expect(values.map((value) => value["next_offset"])).toEqual([...texts.map((_, index) => index + 1), texts.length]);
    expect(values.at(-1)).toEqual({ finished: true, next_offset: texts.length });
    expect(values[2]).toEqual({
      log_entry: {
        ...{ log: "plain", status: "running", status_event: false, level: null, important: null },
        "@timestamp": expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/),
      },
      next_offset: 3,
    });
  });

  it("goes on from any offset, and ends with the one that continues", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, ["a", "b", "c"]);
    const whole = textsOf(await lines(world, `runs/ann/${id}/logs`, { follow: true, offset: 0 }));
    const total = 6;
    expect(whole).toHaveLength(total);
    for (const follow of [true, false]) {
      for (const offset of [0, 1, 3, 5, 6, 7, 1e9, -1, -4, -6, -7, -1e15]) {
        const values = await lines(world, `runs/ann/${id}/logs`, { follow, offset });
        const from = offset < 0 ? Math.max(0, total + offset) : offset;
        expect(textsOf(values), `offset ${offset}`).toEqual(whole.slice(from));
        const numbers = whole.slice(from).map((_, index) => from + index + 1);
        const end = Math.max(total, from);
        expect(values.map((value) => value["next_offset"])).toEqual([...numbers, end]);
        expect(values.at(-1)).toEqual({ finished: true, next_offset: end });
      }
    }
  });

  it("is followed from before the first machine to the last notice", async () => {
    await using world = await openWorld();
    const id = await newRun(world);
    using follower = await openRaw(world, rawPost(world, `runs/ann/${id}/logs`, { follow: true, offset: 0 }));
    await follower.sees(/Run created/);
    using agent = await connectAgent(world);
    const { lease } = await agent.stream.attemptOf(id);
    agent.stream.say({ attempts: [report(lease, ["building", "running"])] });
    await publish(world, lease, 0, "first");
    await follower.sees(/"first"/);
    await publish(world, lease, 1, "second");
    await follower.sees(/"second".+"next_offset":3/);
    expect(follower.received()).not.toContain("finished");
    await archive(world, { token: agent.token, lease, firstNumber: 0, texts: ["first", "second"] });
    const end = { cause: "exit", exitCode: 0, logEntries: 2 };
    agent.stream.say({ attempts: [report(lease, ["building", "running"], end)] });
    await follower.sees(/\{"finished":true,"next_offset":5\}\n\r\n0\r\n\r\n$/);
  });

  it("without following ends with what there is, also while the run goes on", async () => {
    await using world = await openWorld();
    const { id, lease } = await startRun(world);
    await publish(world, lease, 0, "so far");
    const values = await lines(world, `runs/ann/${id}/logs`, { follow: false, offset: 1 });
    expect(textsOf(values)).toEqual(["so far"]);
    expect(values.at(-1)).toEqual({ finished: true, next_offset: 2 });
    expect(await lines(world, `runs/ann/${id}/logs`, {})).toHaveLength(3);
  });
});

describe("waiting for a status", () => {
  const success = [{ success: true }];

  it("is over at once when the run has it or has passed it", async () => {
    await using world = await openWorld();
    const id = await endedRun(world, []);
    for (const status of ["machine_requested", "building", "mounting", "running", "saving", "pushing", "complete"]) {
      expect(await lines(world, `runs/ann/${id}/wait_status`, { statuses: [status] })).toEqual(success);
    }
  });

  it("lasts until the run gets there", async () => {
    await using world = await openWorld();
    const { id, lease, agent } = await startRun(world);
    const waiting = lines(world, `runs/ann/${id}/wait_status`, { statuses: ["failed", "complete"] });
    await waitFor("the wait to begin", () => world.held().waits === 1);
    await agent.stream.ask({ attempts: [report(lease, ["running"], { cause: "exit", exitCode: 1 })] });
    expect(await waiting).toEqual(success);
  });

  it("ends with a sentence when that can no longer happen", async () => {
    await using world = await openWorld();
    const id = await newRun(world);
    const waiting = lines(world, `runs/ann/${id}/wait_status`, { statuses: ["running"] });
    await waitFor("the wait to begin", () => world.held().waits === 1);
    await post(world, `runs/ann/${id}/kill`);
    const error = `Run ${id} has ended as killed and never reached running. Cancelled by ann before it started.`;
    expect(await waiting).toEqual([{ success: false, error }]);
    expect(await lines(world, `runs/ann/${id}/wait_status`, { statuses: ["running"] })).toEqual([
      { success: false, error },
    ]);
  });

  it.each([
    [["nonsense"], '"nonsense" is not a run status.'],
    [["complete", ""], '"" is not a run status.'],
    [[], "Name at least one status to wait for."],
  ])("for %j is a mistake that is told", async (statuses, error) => {
    await using world = await openWorld();
    const id = await newRun(world);
    expect(await lines(world, `runs/ann/${id}/wait_status`, { statuses })).toEqual([{ success: false, error }]);
  });
});

describe("streams", () => {
  const streams = [
    ["logs", { follow: true, offset: 0 }],
    ["wait_status", { statuses: ["complete"] }],
  ] as const;

  it.each(streams)("%s - what cannot be streamed is an ordinary error", async (verb, body) => {
    await using world = await openWorld();
    expect(await ask(world, `runs/ann/7/${verb}`, { body })).toEqual({
      status: 404,
      body: { status: "error", error: "There is no run 7.", code: "no-such-run" },
    });
    const id = await newRun(world);
    const wrong = await ask(world, `runs/ann/${id}/${verb}`, { body: { statuses: 1, offset: 1.5 } });
    expect(wrong).toMatchObject({ status: 400, body: { status: "error", code: "bad-request" } });
  });

  it.each(streams)("%s - is accepted at once, beats while nothing happens, and leaves nothing", async (verb, body) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    await using world = await openWorld();
    const id = await newRun(world);
    const before = vi.getTimerCount();
    using client = await openRaw(world, rawPost(world, `runs/ann/${id}/${verb}`, body));
    await client.sees(/^HTTP\/1\.1 200 OK\r\n/);
    await waitFor("the stream to wait", () => world.held().waits === 1);
    const lines = chunksOf(client.received()).length;
    vi.advanceTimersByTime(60_000);
    await client.sees(/\r\n3\r\n\{\}\n\r\n3\r\n\{\}\n\r\n$/);
    expect(chunksOf(client.received()).slice(lines)).toEqual(["{}\n", "{}\n"]);
    client.socket.destroy();
    await waitFor("nothing to be held", () => isIdle(world));
    expect(vi.getTimerCount()).toBe(before);
  });

  it.each(streams)("%s - a client that has gone before the first line leaves nothing", async (verb, body) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const gate = { open: Promise.resolve(), waiting: 0 };
    await using world = await openWorld((store) =>
      replacing(store, "findRun", async (id) => {
        gate.waiting += 1;
        await gate.open;
        return store.findRun(id);
      }),
    );
    const id = await newRun(world);
    const responses: ServerResponse[] = [];
    const note = (message: unknown): void => void responses.push((message as { response: ServerResponse }).response);
    subscribe("http.server.request.start", note);
    onTestFinished(() => void unsubscribe("http.server.request.start", note));
    const { promise, resolve } = Promise.withResolvers<void>();
    Object.assign(gate, { open: promise, waiting: 0 });
    using client = await openRaw(world, rawPost(world, `runs/ann/${id}/${verb}`, body));
    await waitFor("the run to be looked up", () => gate.waiting === 1);
    client.socket.destroy();
    await waitFor("the server to notice", () => responses.at(-1)?.destroyed);
    resolve();
    await waitFor("the request to go on", () => responses.at(-1)?.headersSent);
    await waitFor("nothing to be held", () => isIdle(world));
    expect(vi.getTimerCount()).toBe(0);
  });

  it("a follower of live lines that goes away takes its tail along", async () => {
    await using world = await openWorld();
    const { id, lease } = await startRun(world);
    using follower = await openRaw(world, rawPost(world, `runs/ann/${id}/logs`, { follow: true, offset: 0 }));
    await publish(world, lease, 0, "live");
    await follower.sees(/"live"/);
    expect(world.held().tails).toBe(1);
    follower.socket.destroy();
    await waitFor("nothing to be held", () => isIdle(world));
  });
});
