/** A run that sends metrics, as its agent brings them. */
import type { MetricPoint } from "@spell/rpc";
import type { Lease, TestStream } from "./agent.ts";
import { connectAgent, report } from "./agent.ts";
import { newRun } from "./api.ts";
import type { World } from "./world.ts";
import { call } from "./world.ts";

export interface SendingRun extends Disposable {
  id: number;
  lease: Lease;
  /** Its agent's. */
  token: string;
  stream: TestStream;
  /** Sends values of a metric, the next ones in a row; how many points are recorded now. */
  send(name: string, ...values: (number | string)[]): Promise<number>;
  /** Its command exits. */
  end(exitCode?: number): Promise<void>;
}

const START_US = 1_700_000_000_000_000;

/** A point whose time and index follow from its number. */
export function point(number: number, name: string, value: number | string): MetricPoint {
  const typed = typeof value === "number" ? { $case: "number" as const, value } : { $case: "text" as const, value };
  return { name, atUs: START_US + number, index: number, value: typed };
}

/** Brings points of an attempt, as its agent does. */
export async function commitPoints(
  world: World,
  attempt: { token: string; lease: Lease; firstNumber: number },
  points: MetricPoint[],
): Promise<number> {
  const { token, lease, firstNumber } = attempt;
  const method = world.agents.commitMetricPoints.bind(world.agents);
  return (await call(method, { lease, firstNumber, points }, token)).recorded;
}

/** A run of Ann's that has started; its points are numbered through. */
export async function startSendingRun(world: World, body: Record<string, unknown> = {}): Promise<SendingRun> {
  const agent = await connectAgent(world);
  const { token, stream } = agent;
  const id = await newRun(world, body);
  const { lease } = await stream.attemptOf(id);
  const running = ["building", "running"] as const;
  await stream.ask({ attempts: [report(lease, running)] });
  let sent = 0;
  return {
    ...{ id, lease, token, stream },
    send: async (name, ...values) => {
      const points = values.map((value, at) => point(sent + at, name, value));
      const recorded = await commitPoints(world, { token, lease, firstNumber: sent }, points);
      sent += values.length;
      return recorded;
    },
    end: async (exitCode = 0) => {
      const end = { cause: "exit", exitCode, logEntries: 0 };
      await stream.ask({ attempts: [report(lease, running, end)] });
    },
    [Symbol.dispose]: () => agent[Symbol.dispose](),
  };
}
