/** Many clients of one run at once, and clients that are slow or half gone: served alike, and nothing of them stays. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunStats } from "@spell/rpc";
import { waitFor } from "@spell/testing";
import { OFFER, archive, connectAgent, report } from "../test-support/agent.ts";
import type { Lease } from "../test-support/agent.ts";
import { ask, newRun, send } from "../test-support/api.ts";
import { exchange, openRaw, rawPost } from "../test-support/raw-http.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

const CROWD = 1_000;
const SAMPLES = 20;
/** What a coordinator (and this process, which holds the clients) would exceed that kept something of each client. */
const GROWTH_MIB = 100;

let world: World;
let agent: Awaited<ReturnType<typeof connectAgent>>;
beforeEach(async () => {
  world = await openWorld();
  agent = await connectAgent(world);
});
afterEach(async () => {
  agent[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

/** So many at a time, that a busy machine can accept them all. */
const AT_ONCE = 100;

/** A thousand requests, each answered as far as its head. */
async function crowd(path: string, body: unknown, signal?: AbortSignal): Promise<Response[]> {
  const held: Response[] = [];
  while (held.length < CROWD) {
    const some = Array.from({ length: AT_ONCE }, () => send(world, path, { body, signal }));
    held.push(...(await Promise.all(some)));
  }
  return held;
}

async function startRun(): Promise<{ id: number; lease: Lease }> {
  const id = await newRun(world);
  const { lease } = await agent.stream.attemptOf(id);
  await agent.stream.ask({ ...OFFER, attempts: [report(lease, ["building", "running"])] });
  return { id, lease };
}

async function endRun(lease: Lease, texts: readonly string[]): Promise<void> {
  if (texts.length > 0) await archive(world, { token: agent.token, lease, firstNumber: 0, texts });
  const end = { cause: "exit", exitCode: 0, logEntries: texts.length };
  await agent.stream.ask({ ...OFFER, attempts: [report(lease, ["building", "running"], end)] });
}

const nobodyHeld = (): Promise<unknown> =>
  waitFor("nobody to be held", () => {
    const { waits, tails } = world.held();
    return waits === 0 && tails === 0;
  });
const residentMebibytes = (): number => process.memoryUsage().rss / 2 ** 20;

describe("a thousand clients of one run", () => {
  it("follow its log to the end, then wait for its end, each by one request", { timeout: 120_000 }, async () => {
    const { id, lease } = await startRun();
    const followers = await crowd(`runs/ann/${id}/logs`, { follow: true, offset: 0 });
    expect(followers.filter(({ status }) => status !== 200)).toEqual([]);
    // Others are served meanwhile.
    expect((await ask(world, `runs/ann/${id}`)).status).toBe(200);
    await endRun(lease, ["the only line"]);
    const logs = await Promise.all(followers.map((response) => response.text()));
    const isWhole = (text: string): boolean =>
      text.includes('"the only line"') && /"finished":true[^\n]*\n$/.test(text);
    expect(logs.filter((text) => !isWhole(text))).toEqual([]);
    await nobodyHeld();

    const before = residentMebibytes();
    const next = await startRun();
    const waiters = await crowd(`runs/ann/${next.id}/wait_status`, { statuses: ["complete"] });
    await endRun(next.lease, []);
    const verdicts = await Promise.all(waiters.map((response) => response.text()));
    expect(verdicts.filter((text) => !text.endsWith('{"success":true}\n'))).toEqual([]);
    await nobodyHeld();
    expect(residentMebibytes() - before).toBeLessThan(GROWTH_MIB);
  });

  it("follow what it uses, to its end", { timeout: 120_000 }, async () => {
    const { id, lease } = await startRun();
    const followers = await crowd(`runs/ann/${id}/stats`, { follow: true });
    expect(followers.filter(({ status }) => status !== 200)).toEqual([]);
    const texts = followers.map((response) => response.text());
    const before = residentMebibytes();
    for (let atMs = 1; atMs <= SAMPLES; atMs++) {
      const stats = RunStats.fromPartial({ atMs, memoryBytes: atMs });
      // Answered: the coordinator is not behind by more than one.
      await agent.stream.ask({ ...OFFER, attempts: [{ ...report(lease, ["building", "running"]), stats }] });
      expect((await ask(world, `runs/ann/${id}`)).status).toBe(200);
    }
    expect(residentMebibytes() - before).toBeLessThan(GROWTH_MIB);
    await endRun(lease, []);
    const last = `{"finished":true,"message":"Run ${id} is no longer running: it ended as complete."}\n`;
    const isWhole = (text: string): boolean => text.endsWith(last) && text.includes(`"memory":${SAMPLES},`);
    expect((await Promise.all(texts)).filter((text) => !isWhole(text))).toEqual([]);
    await nobodyHeld();
    expect(world.services.stats.wanted(id)).toBe(false);
    expect(residentMebibytes() - before).toBeLessThan(GROWTH_MIB);
  });

  it("that all leave at once leave nothing", { timeout: 60_000 }, async () => {
    const { id, lease } = await startRun();
    const leave = new AbortController();
    const held = await crowd(`runs/ann/${id}/logs`, { follow: true, offset: 0 }, leave.signal);
    expect(held).toHaveLength(CROWD);
    leave.abort();
    await nobodyHeld();
    await endRun(lease, []);
  });
});

describe("a client", () => {
  it("that reads nothing of a long log keeps nobody else waiting", { timeout: 60_000 }, async () => {
    const { id, lease } = await startRun();
    const texts = Array.from({ length: 5_000 }, (_, index) => `${index} ${"x".repeat(1_000)}`);
    await endRun(lease, texts);
    using slow = await openRaw(world, rawPost(world, `runs/ann/${id}/logs`, { follow: true, offset: 0 }));
    slow.socket.pause();
    const read = await (await send(world, `runs/ann/${id}/logs`, { body: { follow: true, offset: 0 } })).text();
    expect(read.split("\n")).toHaveLength(texts.length + 5);
    slow.socket.destroy();
    await nobodyHeld();
  });

  it("that says it sends no more has gone: nothing is held for it", async () => {
    const { id, lease } = await startRun();
    using half = await openRaw(world, rawPost(world, `runs/ann/${id}/wait_status`, { statuses: ["complete"] }));
    await half.sees(/HTTP\/1\.1 200 OK/);
    half.socket.end();
    await nobodyHeld();
    await endRun(lease, []);
  });

  it("that sends a byte now and then hinders nobody, two hundred of them", async () => {
    const begun =
      "POST /v1/runs/ann HTTP/1.1\r\nHost: spell\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n{";
    const slow = await Promise.all(Array.from({ length: 200 }, () => openRaw(world, begun)));
    for (const each of slow) each.socket.write('"');
    expect((await ask(world, "users/me")).status).toBe(200);
    for (const each of slow) each[Symbol.dispose]();
    expect((await ask(world, "users/me")).status).toBe(200);
  });

  it("that sends more than anybody may is refused before it has sent all", async () => {
    const length = 17 * 1024 * 1024;
    const head = rawPost(world, "runs/ann", {}).replace(/Content-Length: \d+/, `Content-Length: ${length}`);
    expect(await exchange(world, head)).toMatch(/^HTTP\/1\.1 413 /);
    expect((await ask(world, "users/me")).status).toBe(200);
  });
});
