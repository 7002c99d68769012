import { setTimeout as delay } from "node:timers/promises";
import { SpellClient } from "@spell/sdk";
import { TcpRelay, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { Coordinators } from "../test-support/coordinators.ts";
import type { Member } from "../test-support/coordinators.ts";

const LONG = 60_000;

/** The one that leads and the one that does not, of two that were started at once. */
async function startTwo(farm: Coordinators): Promise<{ leader: Member; standby: Member }> {
  const [a, b] = [await farm.start(), await farm.start()];
  const [leader, standby] = await Promise.race([
    a.leads().then(() => [a, b] as const),
    b.leads().then(() => [b, a] as const),
  ]);
  await standby.standsBy();
  return { leader, standby };
}

function clientOf(farm: Coordinators): SpellClient {
  return new SpellClient({ token: farm.login.userToken, coordinator: farm.addresses });
}

/** Creates runs one after the other until it is told to stop; gives the ids that were acknowledged, after those given. */
function createRuns(client: SpellClient, ids: number[] = []): { ids: number[]; stop(): Promise<number[]> } {
  let going = true;
  const done = (async () => {
    while (going) {
      ids.push((await client.runs.create({ command: `echo ${ids.length}` })).id);
      await delay(20);
    }
  })();
  return {
    ids,
    stop: async () => {
      going = false;
      await done;
      return ids;
    },
  };
}

/** What was acknowledged is there, once each, and nothing else. */
async function expectKept(client: SpellClient, ids: readonly number[]): Promise<void> {
  const runs = await client.runs.list({ number: ids.length + 50 });
  const commands = runs.map(({ command }) => command).filter((command) => command.startsWith("echo "));
  expect(new Set(commands).size).toBe(commands.length);
  expect(commands.toReversed()).toEqual(ids.map((_, index) => `echo ${index}`));
}

describe("two coordinators on one database", () => {
  it(
    "one leads, the other takes over when it is killed, and what was killed stands by",
    { timeout: LONG },
    async () => {
      await using farm = await Coordinators.prepare();
      const { leader, standby } = await startTwo(farm);
      const token = farm.login.userToken;
      expect(await standby.ask(token, "/v1/users/me")).toMatchObject({
        status: 503,
        body: { code: "standby", error: expect.stringContaining(`${leader.grpc} leads`) },
      });
      expect([(await standby.ask(token, "/healthz")).status, (await standby.ask(token, "/readyz")).status]).toEqual([
        200, 503,
      ]);
      using client = clientOf(farm);
      const creating = createRuns(client);
      await waitFor("some runs", () => creating.ids.length > 5);
      leader.signal("SIGKILL");
      await standby.leads();
      const before = creating.ids.length;
      await waitFor("more runs", () => creating.ids.length > before + 5);
      await farm.start(leader);
      await leader.standsBy();
      // One that ends in order hands over at once.
      standby.signal("SIGTERM");
      expect(await standby.ended()).toBe(0);
      await leader.leads();
      const then = creating.ids.length;
      await waitFor("more runs", () => creating.ids.length > then + 5);
      await expectKept(client, await creating.stop());
      // Tokens of the first login and of runs are good wherever they are shown.
      expect(await leader.ask(token, "/v1/users/me")).toMatchObject({ status: 200 });
      expect(leader.process.output() + standby.process.output()).not.toContain(farm.database.password);
    },
  );

  it("a leader that was stopped writes nothing and answers nothing when it wakes up", { timeout: LONG }, async () => {
    await using farm = await Coordinators.prepare();
    const { leader, standby } = await startTwo(farm);
    const token = farm.login.userToken;
    using client = clientOf(farm);
    const creating = createRuns(client);
    await waitFor("some runs", () => creating.ids.length > 5);
    const ids = await creating.stop();
    // A write that is under way: its transaction has begun, and waits for a lock that somebody else holds.
    const name = new URL(farm.url).pathname.slice(1);
    const sessionsThat = (condition: string) =>
      farm.database.query(`SELECT pid FROM pg_locks WHERE relation = 'runs'::regclass AND ${condition}`, name);
    const blocking = farm.database.query("BEGIN; LOCK TABLE runs IN EXCLUSIVE MODE; SELECT pg_sleep(60)", name);
    const blocked = blocking.catch(() => undefined);
    const holder = await waitFor("the lock", async () => (await sessionsThat("granted AND mode = 'ExclusiveLock'"))[0]);
    const inFlight = leader.ask(token, "/v1/runs/spell", { command: "in flight" }).catch(() => undefined);
    await waitFor("it to wait", async () => (await sessionsThat("NOT granted")).length > 0);
    leader.signal("SIGSTOP");
    await farm.database.query(`SELECT pg_terminate_backend(${String(holder["pid"])})`, name);
    await blocked;
    // Into the sockets of the stopped process: it finds them when it wakes up.
    const late = leader.ask(token, "/v1/runs/spell", { command: "late" }).catch(() => undefined);
    const read = leader.ask(token, "/v1/runs/spell").catch(() => undefined);
    await standby.leads();
    const before = ids.length;
    const more = createRuns(client, ids);
    await waitFor("runs of the new leader", () => ids.length > before + 3);
    leader.signal("SIGCONT");
    expect(await leader.ended(), leader.process.output()).toBe(75);
    expect(leader.process.output()).toMatch(/^spell coordinator: It leads no more .+ started again\.$/m);
    for (const answer of [await inFlight, await late, await read]) {
      if (answer !== undefined) expect(answer).toMatchObject({ status: 503, body: { code: "not-leader" } });
    }
    await expectKept(client, await more.stop());
    const commands = (await client.runs.list({ number: 1_000 })).map(({ command }) => command);
    expect(commands).not.toContain("in flight");
    expect(commands).not.toContain("late");
  });

  it.each([
    ["is swallowed both ways", (relay: TcpRelay) => (relay.passage = "swallow")],
    ["is swallowed on its way to the database", (relay: TcpRelay) => (relay.toServer = "swallow")],
    ["is swallowed on its way back", (relay: TcpRelay) => (relay.toClient = "swallow")],
  ])(
    "a leader whose traffic with the database %s ends, and the other takes over",
    { timeout: LONG },
    async (_how, fault) => {
      await using farm = await Coordinators.prepare();
      await using relay = await TcpRelay.start({ host: "127.0.0.1", port: farm.database.port });
      const url = farm.url.replace(`:${farm.database.port}/`, `:${relay.port}/`);
      const leader = await farm.start(undefined, { url });
      await leader.leads();
      const standby = await farm.start();
      await standby.standsBy();
      using client = clientOf(farm);
      const creating = createRuns(client);
      await waitFor("some runs", () => creating.ids.length > 5);
      fault(relay);
      expect(await leader.ended(), leader.process.output()).toBe(75);
      await standby.leads();
      const before = creating.ids.length;
      await waitFor("runs of the new leader", () => creating.ids.length > before + 5);
      relay.passage = "pass";
      relay.cut();
      await farm.start(leader, { url });
      await leader.standsBy();
      await expectKept(client, await creating.stop());
    },
  );

  it("a database that is started again costs a pause and nothing else", { timeout: LONG }, async () => {
    await using farm = await Coordinators.prepare();
    const { leader, standby } = await startTwo(farm);
    using client = clientOf(farm);
    const creating = createRuns(client);
    await waitFor("some runs", () => creating.ids.length > 5);
    await farm.database.process.stop("SIGKILL");
    expect(await leader.ended(), leader.process.output()).toBe(75);
    await farm.database.startAgain();
    await standby.leads();
    const before = creating.ids.length;
    await waitFor("more runs", () => creating.ids.length > before + 5);
    await expectKept(client, await creating.stop());
  });

  it("one whose objects lie in its own folder does not stand by, and says what to do", { timeout: LONG }, async () => {
    await using farm = await Coordinators.prepare();
    const leader = await farm.start();
    await leader.leads();
    const other = await farm.start(undefined, { args: [] });
    expect(await other.ended()).toBe(1);
    expect(other.process.output()).toMatch(/leads, and this coordinator keeps its objects .+--s3-endpoint/);
  });
});
