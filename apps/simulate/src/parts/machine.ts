/** A machine that runs commands: they need no living agent, die with the machine's power, and leave their exit code on its disk. */
import type { Executor, Execution, ExecutionSpec, ExitStatus, WrittenEntry } from "@spell/agent/parts";
import type { Ledger, StartedCommand } from "../ledger.ts";
import { Disk } from "../world/disk.ts";
import type { Host } from "../world/host.ts";
import type { SimEvent } from "../world/world.ts";
import { world } from "../world/world.ts";
import { lineOf, outputOf, programOf } from "./program.ts";
import type { Program } from "./program.ts";

const TERM_MS = 300;

/** A command that runs or ran, as the machine's kernel and disk know it. */
class RunningCommand {
  readonly program: Program;
  readonly entry: StartedCommand;
  readonly spoolPath: string;
  readonly outputPath: string;
  readonly #host: Host;
  #next: SimEvent | undefined;
  #status: ExitStatus | undefined;
  #watchers: ((status: ExitStatus) => void)[] = [];

  constructor(host: Host, spec: ExecutionSpec, entry: StartedCommand) {
    this.#host = host;
    this.program = programOf(spec.command);
    this.entry = entry;
    this.spoolPath = `${spec.attemptDir}/output.log`;
    this.outputPath = `${spec.attemptDir}/written/${outputOf(this.program, entry.attempt).path}`;
    this.#later(this.program.everyMs, () => this.#print());
  }

  get ended(): boolean {
    return this.#status !== undefined;
  }

  whenEnded(tell: (status: ExitStatus) => void): void {
    if (this.#status !== undefined) tell(this.#status);
    else this.#watchers.push(tell);
  }

  signal(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.ended) return;
    this.entry.signalled ??= signal;
    if (signal === "SIGKILL") return this.#end(137);
    const { onTerm, exitCode } = this.program;
    if (onTerm === "ignores") return;
    this.#cancel();
    this.#later(world().random.between(1, TERM_MS), () => this.#end(onTerm === "obeys" ? 143 : exitCode));
  }

  /** The machine lost its power: nobody will know how it ended. */
  lose(): void {
    this.#cancel();
    this.entry.machineLost = true;
    this.entry.endedAtMs ??= world().nowMs;
    this.#status ??= { endedAtMs: 0 };
    this.#watchers = [];
  }

  #print(): void {
    const { entry, program } = this;
    if (entry.printed.length >= program.lines) return this.#end(program.exitCode);
    const line = lineOf(program, entry.attempt, entry.printed.length);
    entry.printed.push(line);
    this.#host.disk.append(this.spoolPath, Buffer.from(`${line}\n`), world().nowMs);
    this.#later(program.everyMs * world().random.between(0.2, 1.8), () => this.#print());
  }

  #end(exitCode: number): void {
    this.#cancel();
    const { entry, program } = this;
    if (program.writes) {
      this.#host.disk.makeFolders(this.outputPath.slice(0, this.outputPath.lastIndexOf("/")));
      this.#host.disk.append(this.outputPath, Buffer.from(outputOf(program, entry.attempt).text), world().nowMs);
    }
    entry.endedAtMs = world().nowMs;
    if (entry.signalled === undefined) entry.exitCode = exitCode;
    world().history.tell(`${this.#host.name}: the command of ${entry.runId}/${entry.attempt} ended (${exitCode})`);
    this.#status = { exitCode, endedAtMs: world().nowMs };
    for (const tell of this.#watchers.splice(0)) tell(this.#status);
  }

  #later(delayMs: number, run: () => void): void {
    this.#next = world().after(delayMs, "command", run, "nobody");
  }

  #cancel(): void {
    if (this.#next !== undefined) this.#next.run = undefined;
  }
}

export class Machine implements Host {
  readonly name: string;
  readonly disk = new Disk();
  readonly #ledger: Ledger;
  readonly #commands = new Map<string, RunningCommand>();
  clockOffsetMs = 0;
  boot = 1;

  constructor(name: string, ledger: Ledger) {
    this.name = name;
    this.#ledger = ledger;
  }

  get bootId(): string {
    return `${this.name}, boot ${this.boot}`;
  }

  /** Its power is cut and comes back: commands are gone, and what was not synced may be. */
  powerCut(): void {
    this.boot++;
    this.disk.powerCut(world().random);
    for (const command of this.#commands.values()) command.lose();
    this.#commands.clear();
  }

  /** What an agent of this machine starts commands with. */
  executor(): Executor {
    return {
      name: "dummy",
      check: async () => undefined,
      start: (spec) => this.#after("start", 30, () => this.#executionOf(spec.attemptDir, this.#start(spec))),
      adopt: (attemptDir) => {
        return this.#after("adopt", 2, () => {
          const command = this.#commands.get(attemptDir);
          return command && this.#executionOf(attemptDir, command);
        });
      },
    };
  }

  #start(spec: ExecutionSpec): RunningCommand {
    const [, runId = "0", attempt = "0"] = /(\d+)-(\d+)$/.exec(spec.attemptDir) ?? [];
    const { SIMULATED_TYPE: machineType } = spec.environment;
    const entry: StartedCommand = {
      ...{ runId: Number(runId), attempt: Number(attempt), host: this.name, printed: [], startedAtMs: world().nowMs },
      machineType: machineType === "" ? undefined : machineType,
    };
    this.#ledger.commands.push(entry);
    world().history.tell(`${this.name}: the command of ${runId}/${attempt} starts`);
    const command = new RunningCommand(this, spec, entry);
    this.#commands.set(spec.attemptDir, command);
    return command;
  }

  #executionOf(attemptDir: string, command: RunningCommand): Execution {
    return {
      started: Promise.resolve(),
      exited: new Promise((resolve) => {
        const process = world().current();
        command.whenEnded((status) =>
          world().after(world().random.between(0.1, 5), "exited", () => resolve(status), process),
        );
      }),
      hasExited: () => command.ended,
      onNotice: () => undefined,
      spoolPath: command.spoolPath,
      signal: (signal) => {
        if (!command.ended) command.entry.signalSent = true;
        return this.#after(signal, 1, () => command.signal(signal));
      },
      liveSpellPath: () => (command.ended ? undefined : `${attemptDir}/written`),
      processes: async () => [],
      written: () => this.#after("written", 2, () => this.#written(command)),
      dispose: () => {
        return this.#after("dispose", 5, () => {
          command.signal("SIGKILL");
          if (this.#commands.get(attemptDir) === command) this.#commands.delete(attemptDir);
        });
      },
    };
  }

  #written({ outputPath }: RunningCommand): WrittenEntry[] {
    const file = this.disk.find(outputPath);
    if (file?.kind !== "file") return [];
    const path = outputPath.slice(outputPath.lastIndexOf("/") + 1);
    return [{ path, kind: "file", source: outputPath, executable: false, sizeBytes: file.sizeBytes }];
  }

  #after<T>(label: string, longestMs: number, work: () => T): Promise<T> {
    world().effect();
    return new Promise((resolve) => {
      world().after(world().random.between(0.1, longestMs), label, () => resolve(work()));
    });
  }
}
