/** Streams of points: what the Python package sends as fast as it can, killed and forked, and what others may put into one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { join } from "node:path";
import { repositoryRoot, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { openService } from "./metric-service.test-support.ts";

const TIMEOUT_MS = 60_000;

/** A Python process in which SPELL_METRICS names the service. */
function startPython(address: string, script: string) {
  const path = { PYTHONPATH: join(repositoryRoot, "libs", "sdk-python"), PYTHONDONTWRITEBYTECODE: "1" };
  const env = { PATH: process.env["PATH"], ...path, SPELL_RUN: "1", SPELL_METRICS: address };
  const child = spawn("python3", ["-c", script], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const closed = once(child, "close");
  return {
    output: () => output,
    closed,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

type Service = Awaited<ReturnType<typeof openService>>;

function valuesOf({ record }: Service, name = "loss"): (number | string)[] {
  return record.points.filter((point) => point.name === name).map(({ value }) => value);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

const SEND_ALL = `
from spell.metrics import send_metric
for number in range(COUNT):
    send_metric("loss", number)
`;

describe("a process that sends as fast as it can", () => {
  it("has all of its points recorded once, in order, when it ends by itself", { timeout: TIMEOUT_MS }, async () => {
    await using service = await openService();
    const metrics = await service.open();
    await using python = startPython(service.address, SEND_ALL.replace("COUNT", "50_000"));
    await python.closed;
    await metrics.finish();
    expect(python.output()).toBe("");
    expect(valuesOf(service)).toEqual(upTo(50_000));
    expect(service.record.points.every(({ index }, at) => index === at)).toBe(true);
  });

  it.each(["os.kill(os.getpid(), 9)", "os._exit(0)", "os.execv('/bin/true', ['true'])"])(
    "loses nothing that it has sent when it ends by %s",
    { timeout: TIMEOUT_MS },
    async (ending) => {
      await using service = await openService();
      const metrics = await service.open();
      const script = `import os\n${SEND_ALL.replace("COUNT", "30_001")}\n${ending}`;
      await using python = startPython(service.address, script);
      await python.closed;
      await metrics.finish();
      expect(valuesOf(service)).toEqual(upTo(30_001));
    },
  );

  it("may have threads, children and signals", { timeout: TIMEOUT_MS }, async () => {
    await using service = await openService();
    const metrics = await service.open();
    const script = `
import multiprocessing, os, signal, threading
from spell.metrics import send_metric

def send(name):
    for number in range(5_000):
        send_metric(name, number)

send_metric("first", 0)
signal.signal(signal.SIGALRM, lambda *_: send_metric("alarm", 1))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
send("before")
threads = [threading.Thread(target=send, args=(f"thread-{at}",)) for at in range(3)]
children = [multiprocessing.get_context("fork").Process(target=send, args=(f"child-{at}",)) for at in range(3)]
for each in threads + children: each.start()
send("beside")
for each in threads + children: each.join()
signal.setitimer(signal.ITIMER_REAL, 0)
`;
    await using python = startPython(service.address, script);
    await python.closed;
    await metrics.finish();
    expect(python.output()).toBe("");
    for (const name of ["before", "beside", ...[0, 1, 2].flatMap((at) => [`thread-${at}`, `child-${at}`])]) {
      expect(valuesOf(service, name), name).toEqual(upTo(5_000));
    }
  });

  it("goes on after a pause in which its stream was answered", { timeout: TIMEOUT_MS }, async () => {
    await using service = await openService();
    const metrics = await service.open();
    // Longer than a stream is held without news.
    const script = `import time\n${SEND_ALL.replace("COUNT", "50")}time.sleep(1.2)\n${SEND_ALL.replace("COUNT", "50")}`;
    await using python = startPython(service.address, script);
    await python.closed;
    await metrics.finish();
    expect(python.output()).toBe("");
    expect(valuesOf(service)).toEqual([...upTo(50), ...upTo(50)]);
  });

  it("learns what was refused, and only that is missing", { timeout: TIMEOUT_MS }, async () => {
    await using service = await openService();
    const metrics = await service.open();
    const script = `
from spell.metrics import send_metric
for number in range(1_100):
    send_metric(f"metric {number}", number)
send_metric("metric 5", -1)
`;
    await using python = startPython(service.address, script);
    await python.closed;
    await metrics.finish();
    expect(python.output()).toContain("429 This run has 1000 metrics already");
    expect(service.record.points.map(({ value }) => value)).toEqual([...upTo(1_000), -1]);
  });
});

/** A stream as anybody may send it. */
async function openStream(service: Service, headers: Readonly<Record<string, string>>) {
  const [host = "", ...path] = service.address.split("/");
  const socket = new Socket().connect(Number(host.split(":")[1]), "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const all = { host, "content-type": "application/x-ndjson", "transfer-encoding": "chunked", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST /${path.join("/")}/user-metrics HTTP/1.1\r\n${lines.join("")}\r\n`);
  const send = (text: string): void => {
    const bytes = Buffer.from(text);
    socket.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]));
  };
  return {
    send,
    end: () => socket.write("0\r\n\r\n"),
    answered: (text: string) => waitFor(`the answer ${text}`, () => answer.includes(text)),
    answer: () => answer,
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

const SENDER = { "spell-sender": "0123456789abcdef", "spell-first": "0" };
const line = (number: number | string): string => `{"name":"loss","type":"number","number":${number}}\n`;

describe("a stream", () => {
  it("that is sent again is passed over as far as it is known", async () => {
    await using service = await openService();
    const metrics = await service.open();
    using first = await openStream(service, SENDER);
    for (const number of [0, 1, 2]) first.send(line(number));
    await waitFor("three points", () => valuesOf(service).length === 3);
    using second = await openStream(service, SENDER);
    second.send([0, 1, 2, 3].map(line).join(""));
    second.end();
    await second.answered("spell-taken: 4");
    first.send(line(3) + line(4));
    first.end();
    await first.answered("spell-taken: 5");
    await metrics.stop();
    // A later life of the agent knows as much.
    const again = await service.open();
    using third = await openStream(service, { ...SENDER, "spell-first": "4" });
    third.send(line(4) + line(5));
    third.end();
    await third.answered("spell-taken: 6");
    await again.finish();
    expect(valuesOf(service)).toEqual(upTo(6));
  });

  it("may be cut anywhere, also in the middle of a letter, and keeps its whole lines", async () => {
    await using service = await openService();
    const metrics = await service.open();
    {
      using stream = await openStream(service, SENDER);
      stream.send('{"name":"loss","type":"te');
      stream.send('xt","text":"ü"}\n{"name":"loss","type":"text","text":"never whole');
      await waitFor("a point", () => valuesOf(service).length === 1);
    }
    await metrics.finish();
    expect(valuesOf(service)).toEqual(["ü"]);
  });

  it("is answered when nothing comes any more", async () => {
    await using service = await openService();
    await service.open();
    using stream = await openStream(service, SENDER);
    stream.send(line(0));
    await stream.answered("spell-taken: 1");
    expect(stream.answer()).toContain("200 OK");
  });

  it.each([
    ["a line that is no JSON", line(0) + "nonsense\n" + line(2), "400", [0, 2]],
    ["an empty line", `${line(0)}\n${line(2)}`, "400", [0, 2]],
    ["two points in a line", `${line(0)}${line(1).trim()},${line(1)}${line(2)}`, "400", [0, 2]],
    ["a huge number", line(0) + line("1e999") + line(2), "400", [0, 2]],
    ["an endless line", line(0) + "x".repeat(100_000), "400", [0]],
  ])("with %s is answered so, and its other points are taken", async (_what, text, status, taken) => {
    await using service = await openService();
    const metrics = await service.open();
    using stream = await openStream(service, SENDER);
    stream.send(text);
    stream.end();
    await stream.answered(`HTTP/1.1 ${status}`);
    await metrics.finish();
    expect(valuesOf(service)).toEqual(taken);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ["without a sender", { "spell-first": "0" }],
    ["without a number", { "spell-sender": "0123456789abcdef" }],
    ["of a huge sender", { ...SENDER, "spell-sender": "0".repeat(10_000) }],
    ["from a number below 0", { ...SENDER, "spell-first": "-1" }],
    ["from a huge number", { ...SENDER, "spell-first": "1".repeat(30) }],
  ])("%s is refused", async (_what, headers) => {
    await using service = await openService();
    await service.open();
    using stream = await openStream(service, headers);
    stream.send(line(0));
    await stream.answered("HTTP/1.1 400");
    expect(stream.answer()).toContain("Spell-Sender and Spell-First");
  });
});
