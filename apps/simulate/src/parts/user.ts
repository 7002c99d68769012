/** A user's script: creates runs and workflows, repeats what was not answered, stops, kills, waits and follows logs, as chance has it. */
import {
  callMetadata,
  callUnary,
  channelCredentials,
  readStream,
  RunServiceClient,
  WorkflowServiceClient,
  RetryPolicy,
  RunSpec,
} from "@spell/rpc";
import { hasCode, messageOf } from "@spell/domain";
import type { Ledger } from "../ledger.ts";
import type { Host } from "../world/host.ts";
import type { SimProcess } from "../world/world.ts";
import { asProcess, world } from "../world/world.ts";
import { COORDINATOR } from "./coordinator.ts";
import { commandOf } from "./program.ts";
import type { Program } from "./program.ts";

export interface UserSettings {
  name: string;
  token: string;
  ledger: Ledger;
  machineTypes: readonly string[];
  /** How many things it asks for. */
  wishes: number;
}

/** Starts it; it ends when it has seen the end of everything that it asked for. */
export function startUser(host: Host, settings: UserSettings): SimProcess & { done: boolean } {
  const process = { name: settings.name, host, alive: true, startedAtMs: world().nowMs, onDeath: [], done: false };
  asProcess(process, () => {
    new User(settings)
      .live()
      .catch((error: unknown) => settings.ledger.seen.push(`${settings.name} was refused: ${messageOf(error)}`))
      .finally(() => (process.done = true));
  });
  return process;
}

class User {
  readonly #settings: UserSettings;
  readonly #runs: RunServiceClient;
  readonly #workflows: WorkflowServiceClient;
  readonly #context;

  constructor(settings: UserSettings) {
    this.#settings = settings;
    this.#runs = new RunServiceClient(COORDINATOR, channelCredentials());
    this.#workflows = new WorkflowServiceClient(COORDINATOR, channelCredentials());
    this.#context = { metadata: callMetadata(settings.token), retryForMs: 600_000, deadlineMs: 5_000 };
  }

  async live(): Promise<void> {
    const { random } = world();
    const ends: Promise<void>[] = [];
    for (let wish = 0; wish < this.#settings.wishes; wish++) {
      await pause(random.between(0, 6_000));
      ends.push(random.chance(0.15) ? this.#workflow(wish) : this.#run(wish));
    }
    await Promise.all(ends);
  }

  async #run(wish: number, workflowId = 0): Promise<void> {
    const { ledger, name, machineTypes } = this.#settings;
    const { random } = world();
    const program = someProgram(`${name}-${wish}`);
    const clientKey = `key ${program.word}`;
    const asked: Ledger["asked"][number] = { clientKey, word: program.word };
    ledger.asked.push(asked);
    const spec = RunSpec.fromPartial({
      command: commandOf(program),
      machineType: random.pick(machineTypes) ?? "",
      workflowId,
      retry: someRetry(program),
    });
    const create = async (): Promise<void> => {
      const { run } = await callUnary(
        this.#runs.createRun.bind(this.#runs),
        { spec, clientKey, idempotent: false },
        this.#context,
      );
      this.#created(asked, run?.id);
    };
    // Sometimes the same request is made twice, as by a script that does not know whether the first went through.
    await Promise.all(random.chance(0.2) ? [create(), create()] : [create()]);
    if (asked.runId !== undefined) await this.#attend(asked.runId, program);
  }

  async #workflow(wish: number): Promise<void> {
    const { ledger, name } = this.#settings;
    const program = someProgram(`${name}-${wish}-master`);
    const clientKey = `key ${program.word}`;
    const asked: Ledger["asked"][number] = { clientKey, word: program.word };
    ledger.asked.push(asked);
    const spec = RunSpec.fromPartial({ command: commandOf(program) });
    const create = this.#workflows.createWorkflow.bind(this.#workflows);
    const { workflow } = await callUnary(create, { spec, clientKey, labels: [], local: false }, this.#context);
    const masterId = workflow?.managingRun?.id;
    this.#created(asked, masterId);
    if (workflow === undefined || masterId === undefined) return;
    const workers = [1, 2].map((number) => this.#run((wish + 1) * 100 + number, workflow.id));
    await Promise.all([this.#attend(masterId, program), ...workers]);
  }

  #created(asked: Ledger["asked"][number], runId: number | undefined): void {
    const { seen } = this.#settings.ledger;
    if (runId === undefined) seen.push(`a creation with ${asked.clientKey} was answered without a run`);
    if (asked.runId !== undefined && asked.runId !== runId) {
      seen.push(`the client key of ${asked.word} gave run ${asked.runId} and then run ${runId}`);
    }
    asked.runId = runId;
  }

  /** What a user does with a run: watches it, perhaps ends it. */
  async #attend(runId: number, program: Program): Promise<void> {
    const { random } = world();
    const doings = [this.#wait(runId)];
    if (random.chance(0.5)) doings.push(this.#follow(runId));
    const hurry = (program.lines * program.everyMs + 2_000) * 1.5;
    if (random.chance(0.3)) doings.push(this.#end(runId, random.between(0, hurry)));
    if (random.chance(0.1)) doings.push(this.#end(runId, random.between(0, hurry)));
    await Promise.all(doings);
  }

  async #end(runId: number, afterMs: number): Promise<void> {
    const { random } = world();
    await pause(afterMs);
    const verb = random.chance(0.5) ? "stop" : "kill";
    this.#settings.ledger.ends.push({ runId, verb, atMs: world().nowMs });
    world().history.tell(`${this.#settings.name} asks to ${verb} run ${runId}`);
    const call = verb === "stop" ? this.#runs.stopRun.bind(this.#runs) : this.#runs.killRun.bind(this.#runs);
    await callUnary(call, { runId }, this.#context).catch(unlessEnded);
  }

  /** Until it has ended; whoever is told so is told the truth. */
  async #wait(runId: number): Promise<void> {
    const statuses = ["complete", "failed", "stopped", "killed", "interrupted", "build_failed", "mount_failed"];
    const call = this.#runs.waitStatus.bind(this.#runs);
    const context = { ...this.#context, retryForMs: 3_600_000, deadlineMs: 60_000 };
    const { run } = await callUnary(call, { runId, statuses }, context);
    if (run === undefined || !statuses.includes(run.status)) {
      this.#settings.ledger.seen.push(`a wait for the end of run ${runId} was answered with status ${run?.status}`);
      return;
    }
    this.#settings.ledger.told.push({ runId, status: run.status });
  }

  /** Reads the log from its beginning to its end, resuming where a connection broke off. */
  async #follow(runId: number): Promise<void> {
    let offset = 0;
    for (;;) {
      try {
        const request = { runId, offset, follow: true };
        for await (const part of readStream(this.#runs.streamLogs.bind(this.#runs), request, this.#context)) {
          this.#settings.ledger.follow(runId, offset, part.entries);
          offset = part.nextOffset;
          if (part.finished) return;
        }
      } catch (error) {
        if (!hasCode(error, "unavailable")) throw error;
      }
      await pause(500);
    }
  }
}

function unlessEnded(error: unknown): void {
  if (!hasCode(error, "conflict")) throw error;
}

function someProgram(word: string): Program {
  const { random } = world();
  return {
    word,
    lines: random.chance(0.1) ? 0 : random.whole(1, 12),
    everyMs: random.chance(0.2) ? random.between(1, 30) : random.between(50, 2_500),
    exitCode: random.chance(0.75) ? 0 : random.whole(1, 3),
    writes: random.chance(0.5),
    onTerm: random.pick(["obeys", "obeys", "finishes", "ignores"] as const),
  };
}

/** With some runs: they are tried again when it was not their doing, or when they exit with their code. */
function someRetry({ exitCode }: Program): RetryPolicy | undefined {
  const { random } = world();
  if (random.chance(0.4)) return undefined;
  const exitCodes = exitCode !== 0 && random.chance(0.7) ? [exitCode] : [];
  return RetryPolicy.fromPartial({ limit: random.whole(1, 3), exitCodes, firstPauseMs: random.whole(0, 3_000) });
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
