/** The NATS driver against a real nats-server: the contract, and everything that servers do to their clients. */
import type { LogBatch } from "@spell/domain";
import { freePort, startNats, waitFor } from "@spell/testing";
import type { NatsServer } from "@spell/testing";
import { connect } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { describeEventBus, lines, textsOf } from "../contract.ts";
import type { StatusNews } from "../event-bus.ts";
import { createNatsBus } from "./nats-bus.ts";
import type { NatsBus, NatsBusOptions } from "./nats-bus.ts";

/** A bus that is closed at the end of its scope. */
function openBus(
  server: { url: string; token: string },
  options: Partial<NatsBusOptions> = {},
): NatsBus & AsyncDisposable {
  const bus = createNatsBus({
    servers: [server.url],
    token: server.token,
    name: "test",
    role: "coordinator",
    maxBytes: 256 * 1024 * 1024,
    ...options,
  });
  return Object.assign(bus, { [Symbol.asyncDispose]: () => bus.close() });
}

/** Publishes as a shipper does: again and again while the bus is away. */
async function publishSurely(bus: NatsBus, batch: LogBatch): Promise<void> {
  await waitFor("the batch to be acknowledged", () => bus.publishLog(batch).then(() => true));
}

async function streamReady(bus: NatsBus): Promise<void> {
  await publishSurely(bus, lines(1, 0, 1));
}

describeEventBus({
  name: "nats",
  open: async () => {
    const server = await startNats();
    const first = openBus(server);
    const second = openBus(server, { role: "agent" });
    await streamReady(first);
    await waitFor("the second connection", () => second.connected());
    return {
      first,
      second,
      close: async () => {
        await Promise.all([first.close(), second.close()]);
        await server[Symbol.asyncDispose]();
      },
    };
  },
});

describe("nats driver", () => {
  it("starts before its server does, and begins to work when the server comes", async () => {
    const port = await freePort();
    const problems: string[] = [];
    await using bus = openBus(
      { url: `nats://127.0.0.1:${port}`, token: "test-token" },
      { onProblem: (message) => void problems.push(message) },
    );
    await waitFor("a problem to be told", () => problems.length > 0);
    expect(bus.connected()).toBe(false);
    expect(problems[0]).toContain(`127.0.0.1:${port}`);
    await expect(bus.publishLog(lines(5, 0, 1))).rejects.toMatchObject({ code: "unavailable" });
    await expect(bus.publishStatus({ runId: 5, status: "running", version: 1 })).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(await bus.lastLog(5)).toBeUndefined();
    const batches: LogBatch[] = [];
    await bus.subscribeLog(5, (batch) => void batches.push(batch));
    await using _server = await startNats({ port });
    await publishSurely(bus, lines(5, 0, 2));
    await waitFor("the lines", () => textsOf(batches).length === 2);
    expect(problems).toHaveLength(1);
  });

  it("loses nothing that was acknowledged when the server is killed and restarted in the middle", async () => {
    await using server = await startNats();
    await using publisher = openBus(server);
    await using reader = openBus(server, { role: "agent" });
    await streamReady(publisher);
    const seen = new Set<number>();
    await reader.subscribeLog(9, (batch) => batch.entries.forEach((_, index) => seen.add(batch.firstNumber + index)));
    const news: StatusNews[] = [];
    await reader.subscribeStatus((one) => void news.push(one));
    const publishing = (async () => {
      for (let number = 0; number < 300; number++) await publishSurely(publisher, lines(9, number, 1));
    })();
    await waitFor("some lines", () => seen.size > 30);
    await server.kill();
    await waitFor("the loss to be noticed", () => !publisher.connected() && !reader.connected());
    await server.restart();
    await publishing;
    await waitFor("every line", () => seen.size === 300, { timeoutMs: 20_000 });
    await waitFor("news to flow again", async () => {
      await publisher.publishStatus({ runId: 9, status: "running", version: 4 });
      return news.length > 0;
    });
  }, 60_000);

  it("goes on with a server that lost its data", async () => {
    await using server = await startNats();
    await using publisher = openBus(server);
    await using reader = openBus(server, { role: "agent" });
    await streamReady(publisher);
    const batches: LogBatch[] = [];
    await reader.subscribeLog(3, (batch) => void batches.push(batch));
    for (let number = 0; number < 20; number++) await publishSurely(publisher, lines(3, number, 1));
    await waitFor("the first lines", () => textsOf(batches).length === 20);
    await server.kill();
    await server.restart({ loseData: true });
    await publishSurely(publisher, lines(3, 20, 1));
    await waitFor("the line after the loss", () => textsOf(batches).includes("line 20"));
  }, 60_000);

  it("gives live lines while the stream is missing, and publishLog says that nothing keeps them", async () => {
    await using server = await startNats();
    await using agent = openBus(server, { role: "agent", ackTimeoutMs: 500 });
    await waitFor("the connection", () => agent.connected());
    const batches: LogBatch[] = [];
    await agent.subscribeLog(4, (batch) => void batches.push(batch));
    await waitFor("the live line", async () => {
      await expect(agent.publishLog(lines(4, 0, 1))).rejects.toMatchObject({ code: "unavailable" });
      return batches.length > 0;
    });
    await using _coordinator = openBus(server);
    await publishSurely(agent, lines(4, 1, 1));
    await waitFor("the line that is kept", () => textsOf(batches).includes("line 1"));
  }, 30_000);

  it("says clearly that its token is refused, and recovers", async () => {
    await using server = await startNats({ token: "right" });
    const problems: string[] = [];
    await using bus = openBus(
      { url: server.url, token: "wrong" },
      { onProblem: (message) => void problems.push(message) },
    );
    await waitFor("the refusal", () => problems.length > 0);
    expect(problems).toEqual([expect.stringContaining("refuses our token")]);
    expect(bus.connected()).toBe(false);
    await expect(bus.publishLog(lines(1, 0, 1))).rejects.toMatchObject({ code: "unavailable" });
    await server.stop();
    await using _other = await startNats({ token: "wrong", port: server.port });
    await streamReady(bus);
  }, 30_000);

  it("ignores and counts hostile messages", async () => {
    await using server = await startNats();
    await using bus = openBus(server);
    await streamReady(bus);
    const batches: LogBatch[] = [];
    const news: StatusNews[] = [];
    await bus.subscribeLog(7, (batch) => void batches.push(batch));
    await bus.subscribeStatus((one) => void news.push(one));
    await sendHostileMessages(server);
    await publishSurely(bus, lines(7, 0, 1));
    await bus.publishStatus({ runId: 7, status: "running", version: 1 });
    await waitFor("the good batch", () => batches.length > 0);
    await waitFor("the good news", () => news.length > 0);
    expect(batches).toEqual([lines(7, 0, 1)]);
    expect(news).toEqual([{ runId: 7, status: "running", version: 1 }]);
    expect(bus.malformedCount()).toBe(11);
  });

  it("rejects with unavailable when no acknowledgement comes in time", async () => {
    await using server = await startNats();
    await using bus = openBus(server, { role: "agent", ackTimeoutMs: 200 });
    await waitFor("the connection", () => bus.connected());
    const raw = await connect({ servers: server.url, token: server.token });
    // Someone listens but never answers: no "no responders", only silence.
    raw.subscribe("spell.v1.run.6.log", { callback: () => undefined });
    await raw.flush();
    await expect(bus.publishLog(lines(6, 0, 1))).rejects.toMatchObject({ code: "unavailable" });
    await raw.close();
  });
});

async function sendHostileMessages(server: NatsServer): Promise<void> {
  const raw = await connect({ servers: server.url, token: server.token });
  const log = "spell.v1.run.7.log";
  const status = "spell.v1.run.7.status";
  raw.publish(log, new Uint8Array([0xff, 0xff, 0xff]));
  raw.publish(log, "not protobuf at all");
  raw.publish(log, new Uint8Array(1_000_000).fill(0x22));
  raw.publish(log, new Uint8Array([0x22, 0xff, 0xff, 0xff, 0xff, 0x7f]));
  // Four hundred thousand empty entries: small on the wire, huge as objects.
  raw.publish(
    log,
    new Uint8Array(800_000).map((_, index) => (index % 2 === 0 ? 0x22 : 0)),
  );
  raw.publish(log, new Uint8Array([0x08, 99]));
  raw.publish(status, "{");
  raw.publish(status, "null");
  raw.publish(status, JSON.stringify({ runId: 8, status: "running", version: 1 }));
  raw.publish(status, JSON.stringify({ runId: 7, status: 1, version: "x" }));
  raw.publish("spell.v1.run.a b\u0000.status".replace(" b\u0000", "$"), JSON.stringify({ runId: 1 }));
  await raw.flush();
  await raw.close();
}
