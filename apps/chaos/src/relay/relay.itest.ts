/** The relay on real connections: each manner does what it says, and what no rule is about is refused. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { freePort } from "@spell/testing";
import { expect, test } from "vitest";
import { Relay } from "./relay.ts";
import type { RelayManner } from "./rule.ts";

/** A server that sends back what it gets, behind a relay. */
async function relayed(manner: RelayManner | undefined, chance = () => 1) {
  const port = await freePort();
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined).pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(port, "127.0.0.2", resolve));
  const relay = await Relay.listen([{ ip: "127.0.0.1", port, behind: "127.0.0.2" }], chance);
  relay.follow(manner === undefined ? [] : [{ to: "127.0.0.1", ...manner }]);
  return {
    relay,
    port,
    [Symbol.asyncDispose]: async () => {
      await relay[Symbol.asyncDispose]();
      await new Promise((resolve) => echo.close(resolve));
    },
  };
}

/** Sends text, and gives what came until the end, or the error. */
async function exchange(port: number, text: string): Promise<{ answer: string; tookMs: number; error?: string }> {
  const beganAt = performance.now();
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  let error: string | undefined;
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  socket.on("error", (thrown: NodeJS.ErrnoException) => (error = thrown.code));
  socket.end(text);
  await new Promise((resolve) => socket.on("close", resolve));
  return { answer, tookMs: performance.now() - beganAt, error };
}

test("slow: all arrives, in order, and not before its time", async () => {
  await using through = await relayed({ manner: "slow", delayMs: 100, lossShare: 0 });
  const text = "0123456789".repeat(50_000);
  const { answer, tookMs } = await exchange(through.port, text);
  expect(answer === text).toBe(true);
  expect(tookMs).toBeGreaterThanOrEqual(200);
});

test("slow, and every packet is lost once: a retransmission later in each direction", async () => {
  await using through = await relayed({ manner: "slow", delayMs: 10, lossShare: 0.05 }, () => 0);
  const { answer, tookMs } = await exchange(through.port, "short");
  expect(answer).toBe("short");
  expect(tookMs).toBeGreaterThanOrEqual(420);
});

test("unavailable: 503 for whoever asks", async () => {
  await using through = await relayed({ manner: "unavailable" });
  const response = await fetch(`http://127.0.0.1:${through.port}/bucket/object`, { method: "PUT", body: "bytes" });
  expect(response.status).toBe(503);
});

test("cut: the connection breaks after so many bytes", async () => {
  await using through = await relayed({ manner: "cut", afterBytes: 1_000 });
  expect((await exchange(through.port, "x".repeat(400))).answer).toHaveLength(400);
  expect((await exchange(through.port, "x".repeat(4_000))).answer.length).toBeLessThan(4_000);
});

test("without a rule it refuses, and with the rule go its connections", async () => {
  await using through = await relayed(undefined);
  expect(await exchange(through.port, "x")).toMatchObject({ answer: "", error: "ECONNRESET" });
  through.relay.follow([{ to: "127.0.0.1", manner: "cut", afterBytes: 1_000 }]);
  const socket: Socket = connect(through.port, "127.0.0.1");
  socket.on("error", () => undefined).write("x");
  await once(socket, "data");
  const closed = once(socket, "close");
  through.relay.follow([]);
  await closed;
});
