/** An agent as the coordinator sees one: it joins, keeps a sync stream, and says exactly what the test makes it say. */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { LogEntry, Phase, SpellError } from "@spell/domain";
import { EntryWriter, compressSegment } from "@spell/event-bus";
import type { AttemptReport, DesiredAttempt, SyncResponse } from "@spell/rpc";
import { AttemptResult, SyncRequest, callMetadata, fromServiceError } from "@spell/rpc";
import { waitFor } from "@spell/testing";
import type { World } from "./world.ts";
import { call } from "./world.ts";

export type Lease = NonNullable<DesiredAttempt["lease"]>;

/** A new agent; gives its token and id. */
export async function joinAgent(world: World, name = "box"): Promise<{ agentId: string; agentToken: string }> {
  const { joinToken } = await call(world.accounts.createJoinToken.bind(world.accounts), {}, world.ann);
  return call(world.agents.join.bind(world.agents), { joinToken, name }, "");
}

/** One sync stream. Disposing cancels it, as a connection that breaks does. */
export class TestStream implements Disposable {
  readonly responses: SyncResponse[] = [];
  /** Why the coordinator ended it; undefined while it has not, or when it ended well. */
  error: SpellError | undefined;
  ended = false;
  readonly call: ClientDuplexStream<SyncRequest, SyncResponse>;

  constructor(world: World, token: string) {
    this.call = world.agents.sync(callMetadata(token));
    this.call.on("data", (response: SyncResponse) => this.responses.push(response));
    this.call.on("error", (error) => (this.error = fromServiceError(error)));
    this.call.on("close", () => (this.ended = true));
    this.call.on("end", () => (this.ended = true));
  }

  /** Reports a state; what is left out is empty. */
  say(state: Partial<SyncRequest>): void {
    this.call.write(SyncRequest.fromPartial(state));
  }

  /** What it was told last, once that is as described. */
  sees(what: string, isSo: (response: SyncResponse) => boolean): Promise<SyncResponse> {
    return waitFor(what, () => {
      if (this.error !== undefined) throw this.error;
      const last = this.responses.at(-1);
      return last !== undefined && isSo(last) && last;
    });
  }

  /** Says the state and waits for the answer to it. */
  async ask(state: Partial<SyncRequest>): Promise<SyncResponse> {
    const before = this.responses.length;
    this.say(state);
    return this.sees("an answer", () => this.responses.length > before);
  }

  /** The attempt of a run once it is wanted. */
  async attemptOf(runId: number): Promise<DesiredAttempt & { lease: Lease }> {
    const of = (response: SyncResponse) => response.attempts.find((attempt) => attempt.lease?.runId === runId);
    const found = of(await this.sees(`run ${runId} to be assigned`, (response) => of(response) !== undefined));
    if (found?.lease === undefined) throw new Error("an attempt without a lease");
    return { ...found, lease: found.lease };
  }

  [Symbol.dispose](): void {
    this.call.cancel();
  }
}

/** A report of an attempt that has gone through these phases. */
export function report(lease: Lease, phases: readonly Phase[], result?: Partial<AttemptResult>): AttemptReport {
  return {
    stats: undefined,
    lease,
    phase: phases.at(-1) ?? "",
    history: phases.map((phase) => ({ phase, atMs: Date.now() })),
    result: result === undefined ? undefined : AttemptResult.fromPartial(result),
  };
}

/** What `connectAgent` says of itself. */
export const OFFER = { controlSlots: 2, machineTypes: [{ name: "CPU", slots: 4 }] };

/** An agent that is connected with a few slots, and says so of itself; disposing breaks its connection. */
export async function connectAgent(
  world: World,
  over: Partial<SyncRequest> = {},
): Promise<{ id: string; token: string; stream: TestStream } & Disposable> {
  const { agentId: id, agentToken: token } = await joinAgent(world);
  const stream = new TestStream(world, token);
  await stream.ask({ ...OFFER, ...over });
  return { id, token, stream, [Symbol.dispose]: () => stream[Symbol.dispose]() };
}

/** Stores these lines of an attempt as a segment of its log and records it. */
export async function archive(
  world: World,
  attempt: { token: string; lease: Lease; firstNumber: number; texts: readonly string[] },
): Promise<void> {
  const { token, lease, firstNumber, texts } = attempt;
  const { agents } = world;
  const writer = new EntryWriter();
  for (const text of texts) writer.entry(logEntry(text));
  const bytes = await compressSegment({ ...lease, firstNumber }, [writer.take().body]);
  const segment = { lease, firstNumber, entries: texts.length, sizeBytes: bytes.length };
  const content = Buffer.from(bytes);
  await call(agents.commitLogSegment.bind(agents), { ...segment, objectKey: "", content }, token);
}

/** A line of the user's program. */
export function logEntry(text: string): LogEntry {
  return { atMs: Date.now(), text, status: "running", statusEvent: false, level: "", partial: false };
}
