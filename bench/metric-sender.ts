/** Processes that send points with the Python package, in a run of the farm or against the machine's own limit. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { repositoryRoot } from "@spell/testing";
import { z } from "zod";
import type { Bench } from "./measurement.ts";
import { linesOf, untilComplete } from "./runs.ts";
import { wallClock } from "./wall-clock.ts";

export interface Load {
  processes: number;
  seconds: number;
  /** Of each process; 0: as many as it can. */
  perSecond: number;
}

export interface Sent {
  /** Of all processes. */
  points: number;
  /** The first was sent, the last was sent, and all were readable: Unix time in milliseconds. */
  firstAtMs: number;
  lastAtMs: number;
  readableAtMs: number;
}

/** Ten points after each other and a pause: a training that sends evenly would wake the machine more often, one in bursts less. */
const GROUP = 10;

/** The last point of each process says how many came before it. */
const SCRIPT = `
import json, sys, time
from spell.metrics import send_metric
name, seconds, per_second = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
send_metric("loss-" + name, 0.5)
points, first, started = 1, time.time(), time.perf_counter()
while time.perf_counter() < started + seconds:
    for _ in range(${GROUP}):
        send_metric("loss-" + name, 1 / points)
        points += 1
    ahead = started + points / per_second - time.perf_counter() if per_second else 0
    if ahead > 0:
        time.sleep(ahead)
last = time.time()
send_metric("sent-" + name, points)
print(json.dumps({"points": points, "first": first * 1000, "last": last * 1000}), flush=True)
`;

const lineSchema = z.object({ points: z.number(), first: z.number(), last: z.number() });

/** Sends from a run. Throws when a point is missing. */
export async function sendFromRun({ farm, signal }: Bench, load: Load): Promise<Sent> {
  const run = await farm.client.runs.create({ command: commandOf(load) }, { signal });
  const clock = wallClock();
  const names = namesOf(load);
  // Points of one process are recorded in order: with its last one all of them are.
  await Promise.all(names.map((name) => run.waitMetric(`sent-${name}`, "gte", 1, { signal })));
  const readableAtMs = clock();
  await untilComplete(run, signal);
  const sent = combine(await linesOf(run, signal), load, readableAtMs);
  let readable = 0;
  for (const name of names) for await (const _ of run.metrics(`loss-${name}`, { signal })) readable += 1;
  if (readable !== sent.points) throw new Error(`${sent.points} points were sent and ${readable} are readable`);
  return sent;
}

/** The same sender and requests, taken by a server that does nothing with them. */
export async function sendToBare(load: Load, address: string, signal: AbortSignal): Promise<Sent> {
  const path = { PYTHONPATH: join(repositoryRoot, "libs", "sdk-python"), PYTHONDONTWRITEBYTECODE: "1" };
  const env = { PATH: process.env["PATH"], ...path, SPELL_RUN: "1", SPELL_METRICS: address };
  const child = spawn("bash", ["-c", commandOf(load)], { stdio: ["ignore", "pipe", "inherit"], env, signal });
  // An abort is told by the lines that are missing then.
  child.on("error", () => undefined);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  signal.throwIfAborted();
  const sent = combine(lines, load, 0);
  return { ...sent, readableAtMs: sent.lastAtMs };
}

function commandOf(load: Load): string {
  const { seconds, perSecond } = load;
  const senders = namesOf(load).map((name) => `python3 -c '${SCRIPT}' ${name} ${seconds} ${perSecond} &`);
  return `${senders.join(" ")} wait`;
}

function namesOf({ processes }: Load): string[] {
  return Array.from({ length: processes }, (_, index) => String(index));
}

function combine(lines: readonly string[], { processes }: Load, readableAtMs: number): Sent {
  const senders = lines.map((line) => lineSchema.parse(JSON.parse(line)));
  if (senders.length !== processes)
    throw new Error(`${processes} processes sent, and ${senders.length} came to their end`);
  return {
    points: senders.reduce((sum, { points }) => sum + points, 0),
    firstAtMs: Math.min(...senders.map(({ first }) => first)),
    lastAtMs: Math.max(...senders.map(({ last }) => last)),
    readableAtMs,
  };
}
