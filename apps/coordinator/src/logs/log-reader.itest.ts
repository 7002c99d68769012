/** The log reader on a real nats-server that is killed, restarted and loses its data while readers follow. */
import { createNatsBus } from "@spell/event-bus/nats";
import { startNats, waitFor } from "@spell/testing";
import { expect, it } from "vitest";
import { LogReader } from "./log-reader.ts";
import { TestLog, batch, collect, entry, textsOf } from "./log-reader.test-support.ts";

const BATCHES = 300;
const BATCH_ENTRIES = 7;
const SEGMENT_BATCHES = 20;

it("log reader - gives every line once, in order, while nats-server is killed and loses its data", async () => {
  await using server = await startNats();
  const address = { servers: [server.url], token: server.token, maxBytes: 256 * 1024 * 1024 };
  const coordinatorBus = createNatsBus({ ...address, name: "coordinator", role: "coordinator" });
  const agentBus = createNatsBus({ ...address, name: "agent", role: "agent", ackTimeoutMs: 500 });
  try {
    const log = new TestLog();
    log.before = [entry("created")];
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    const reader = new LogReader({ record: log, objects: log, bus: coordinatorBus });
    const readers = [collect(reader, { follow: true })];
    const expected = ["created", ...textsOf(1, 0, BATCHES * BATCH_ENTRIES), "complete"];
    let archived = 0;
    for (let index = 0; index < BATCHES; index++) {
      // As the shipper does: news may be lost, the archive gets everything.
      void agentBus.publishLog(batch(1, index * BATCH_ENTRIES, BATCH_ENTRIES)).catch(() => undefined);
      if (index === 100) {
        await server.kill();
        readers.push(collect(reader, { follow: true }));
        await server.restart();
      }
      if (index === 200) {
        await server.kill();
        await server.restart({ loseData: true });
        readers.push(collect(reader, { follow: true, offset: 500 }));
      }
      if (index % SEGMENT_BATCHES === SEGMENT_BATCHES - 1) {
        const end = (index + 1) * BATCH_ENTRIES;
        await log.archive(batch(1, archived, end - archived));
        archived = end;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    log.end(1, BATCHES * BATCH_ENTRIES);
    log.finish(["complete"]);
    await Promise.all(readers.map((read) => read.done));
    expect(readers[0]?.texts).toEqual(expected);
    expect(readers[1]?.texts).toEqual(expected);
    expect(readers[2]?.texts).toEqual(expected.slice(500));
  } finally {
    await Promise.all([coordinatorBus.close(), agentBus.close()]);
  }
}, 60_000);

it("log reader - a line published reaches a follower without the record's help", async () => {
  await using server = await startNats();
  const bus = createNatsBus({ servers: [server.url], token: server.token, name: "both", role: "coordinator" });
  try {
    const log = new TestLog();
    log.attempts = [{ number: 1, ended: false, segments: [] }];
    await waitFor("the bus", () => bus.publishLog(batch(1, 0, 1)).then(() => true));
    const read = collect(new LogReader({ record: log, objects: log, bus }), { follow: true });
    await waitFor("the first line", () => read.texts.length === 1);
    for (let number = 1; number <= 50; number++) {
      await bus.publishLog(batch(1, number, 1));
      await waitFor("the line", () => read.texts.length === number + 1, { everyMs: 1 });
    }
    expect(read.texts).toEqual(textsOf(1, 0, 51));
    await read.cancel();
  } finally {
    await bus.close();
  }
});
