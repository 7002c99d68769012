/**
 * One attempt on this machine, from its assignment to its acknowledged result.
 *
 * building → (mounting) → running → saving → pushing → ended. Every phase entered is written to the journal before anybody
 * hears of it, and every step may be repeated: after a crash the attempt resumes from the journal, adopts its process if it
 * was started, and goes on. `request` brings the user's will at any time; `abandon` ends an attempt that is no longer ours.
 */
import { join } from "node:path";
import type { AttemptFact, Digest, LogEntry, OutcomeRow, Phase } from "@spell/domain";
import { SpellError, attemptOutcome, isDigest } from "@spell/domain";
import type { Logger } from "@spell/logging";
import type { AttemptReport, AttemptResult, AttemptSpec, PhaseChange } from "@spell/rpc";
import type { HeldContents } from "@spell/spellfs";
import { openUploadJournal } from "@spell/spellfs";
import type { AttemptServices } from "./attempt-services.ts";
import type { AttemptChange, AttemptJournal, PhaseEntry } from "./attempt-journal.ts";
import { attemptResult, failureOf } from "./attempt-result.ts";
import type { Execution, ExecutionMount, ExitStatus } from "./executors/executor.ts";
import { removeTree } from "./executors/remove-tree.ts";
import type { LogShipper } from "./logs/log-shipper.ts";
import type { AttemptMetrics } from "./metrics/attempt-metrics.ts";
import type { Patience } from "./retry.ts";
import { untilAvailable } from "./retry.ts";
import { keepOutputs, saveOutputs, savedText, skippedTexts } from "./save-outputs.ts";
import { RunSampler } from "./stats/run-sampler.ts";
import { takeSnapshot } from "./take-snapshot.ts";

export class Attempt {
  readonly attemptDir: string;
  readonly #services: AttemptServices;
  readonly #log: Logger;
  readonly #journal: AttemptJournal;
  #shipper: LogShipper | undefined;
  #metrics: AttemptMetrics | undefined;
  #execution: Execution | undefined;
  /** There is one while the command runs. */
  #sampler: RunSampler | undefined;
  /** What has gone wrong when the present step fails. */
  #doing = "The run could not be prepared";
  #killed = false;
  #stopWanted = false;
  /** The operator of this machine wants it to end now. */
  #interrupted = false;
  /** The machine is being taken away, and the command has not begun. */
  #reclaimedEarly = false;
  /** Fires on kill and abandon: preparing and saving end at once. */
  readonly #abort = new AbortController();
  #abandoned = false;
  #life: Promise<void> | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(services: AttemptServices, journal: AttemptJournal) {
    this.#services = services;
    this.#journal = journal;
    this.attemptDir = journal.attemptDir;
    const { runId, attempt } = journal.record.lease;
    this.#log = services.log.child({ runId, attempt });
    // At once, and so also when an earlier life of this agent began it: its run may be using them at this moment.
    services.cache.hold(this.#holder, usedContents(journal.record.spec));
  }

  /** What the coordinator is told. */
  report(): AttemptReport {
    const { lease, history, result } = this.#journal.record;
    const phase = result === undefined ? (history.at(-1)?.phase ?? "building") : "ended";
    return { lease, phase, history: history.map((each) => this.#withAge(each)), result, stats: this.#sampler?.latest };
  }

  /** Ages are of this boot of the machine: its monotonic clock began with it. */
  #withAge({ phase, atMs, monotonicMs: enteredMs }: PhaseEntry): PhaseChange {
    const isOfThisBoot = this.#journal.record.bootId === this.#services.bootId;
    return { phase, atMs, ageMs: isOfThisBoot && enteredMs !== undefined ? monotonicMs() - enteredMs : undefined };
  }

  get ended(): boolean {
    return this.#journal.record.result !== undefined;
  }

  /** Takes metrics before anything else is known: the process that sends them may have outlived the agent's last life. */
  async takeMetrics(): Promise<void> {
    this.#metrics ??= await this.#services.openMetrics(this.#journal.record.lease, this.attemptDir);
  }

  /** Begins, or goes on after a restart of the agent. */
  resume(): void {
    if (this.#life !== undefined || this.ended) return;
    this.#life = this.#live().catch((error: unknown) => {
      if (!this.#abandoned) this.#log.error({ err: error }, "attempt broke");
    });
  }

  /** The user's will. Repeating it is harmless. */
  request(action: string): void {
    if (this.ended) return;
    if (action === "kill" && !this.#killed) {
      this.#killed = true;
      this.#abort.abort();
      this.#signal("SIGKILL");
    }
    if (action === "stop") {
      this.#stopWanted = true;
      this.#stopIfRunning();
    }
  }

  /**
   * What the disk says at this moment decides between a stop and the command's own end: a command that had exited before the stop
   * was written down has ended by itself, any other was stopped, whatever it makes of the signal.
   */
  #stopIfRunning(): void {
    const isRunning = this.#entered("running") && this.#execution?.hasExited() === false;
    if (!this.#stopWanted || this.#journal.record.stopSent || !isRunning) return;
    this.#write({ stopSent: true, stopSentAtMs: monotonicMs() });
    this.#stop().catch((error: unknown) => this.#log.error({ err: error }, "stop failed"));
  }

  /** Whether somebody looks at what it uses. Said with everything the coordinator says, so it may come before the command runs. */
  showStats(wanted: boolean): void {
    if (wanted) this.#sampler?.start();
    else this.#sampler?.stop();
  }

  /** Ends it as interrupted: nothing more is saved, its log is. Repeating it is harmless. */
  interrupt(): void {
    if (this.ended || this.#interrupted) return;
    this.#interrupted = true;
    this.#abort.abort();
    this.#signal("SIGKILL");
  }

  /**
   * The machine is being taken away: the command is asked to end, and what it has written is stored as long as there is time. One that
   * saves already goes on with that. Repeating it is harmless.
   */
  reclaim(): void {
    if (this.ended || this.#journal.record.reclaimSentAtMs !== undefined || this.#reclaimedEarly) return;
    if (!this.#entered("running")) {
      this.#reclaimedEarly = true;
      this.#abort.abort();
      this.#signal("SIGKILL");
    } else if (this.#execution?.hasExited() !== true && !this.#entered("saving")) {
      this.#write({ reclaimSentAtMs: monotonicMs() });
      this.#endForReclaim().catch((error: unknown) => this.#log.error({ err: error }, "reclaim failed"));
    }
  }

  /** A copy of a directory of the running attempt, stored as a tree. Throws conflict when the run is not running. */
  async snapshot(path: string): Promise<string> {
    const spell = this.#execution?.liveSpellPath();
    if (spell === undefined) throw new SpellError("conflict", "the run is not running");
    return takeSnapshot({
      spell,
      path,
      transport: this.#services.trees(this.#journal.record.lease),
      signal: this.#abort.signal,
    });
  }

  /** The attempt is over or no longer ours: nothing of it stays on this machine. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    this.#abort.abort();
    clearTimeout(this.#graceTimer);
    this.#sampler?.stop();
    this.#execution ??= await this.#services.executor.adopt(this.attemptDir);
    await this.#execution?.signal("SIGKILL");
    await this.#life;
    await this.#shipper?.stop();
    await this.#metrics?.stop();
    await this.#execution?.dispose();
    await this.#journal.close();
    await removeTree(this.attemptDir);
    this.#services.cache.release(this.#holder);
  }

  /** Lets go without touching the process: the next agent on this machine adopts it. */
  async detach(): Promise<void> {
    clearTimeout(this.#graceTimer);
    this.#sampler?.stop();
    await this.#shipper?.stop();
    await this.#metrics?.stop();
    await this.#journal.close();
  }

  async #live(): Promise<void> {
    const result = await this.#outcome();
    this.#sampler?.stop();
    if (this.#abandoned) return;
    const logEntries = (await this.#shipper?.finish()) ?? 0;
    await this.#metrics?.finish();
    if (this.#abandoned) return;
    this.#write({ result: { ...result, logEntries } });
    this.#services.changed();
    await this.#execution?.dispose();
    this.#services.cache.release(this.#holder);
    await this.#services.cache.trim();
  }

  get #holder(): string {
    const { runId, attempt, token } = this.#journal.record.lease;
    return `${runId}/${attempt}/${token}`;
  }

  async #outcome(): Promise<AttemptResult> {
    try {
      this.#shipper = await this.#services.openLog(this.#journal.record.lease, this.attemptDir);
      await this.takeMetrics();
      if (this.#journal.record.bootId !== this.#services.bootId) return resultOf(this.#came("rebooted"));
      this.#execution = await this.#services.executor.adopt(this.attemptDir);
      this.#execution ??= await this.#prepare();
      this.#execution.onNotice((text) => this.#warn(text));
      await this.#execution.started;
      if (this.#killed || this.#interrupted || this.#reclaimedEarly) await this.#execution.signal("SIGKILL");
      this.#sampler = this.#samplerOf(this.#execution);
      if (!this.#entered("saving")) await this.#enter("running");
      // Begun by an earlier life of this agent, which may have ended before it sent the signal; or asked for while there was nothing
      // to stop yet.
      if (this.#journal.record.stopSent) await this.#stop();
      else this.#stopIfRunning();
      if (this.#journal.record.reclaimSentAtMs !== undefined) await this.#endForReclaim();
      const exit = await this.#execution.exited;
      this.#tellOfLeft(exit.left);
      this.#sampler.stop();
      this.#sampler = undefined;
      clearTimeout(this.#graceTimer);
      if (this.#abandoned) throw new Error("the attempt is no longer ours");
      await this.#shipper?.outputEnded();
      return await this.#finish(this.#execution, exit);
    } catch (error) {
      const outcome = this.#came(this.#failedStep());
      if (this.#abandoned && outcome.cause !== "kill") throw error;
      const isOurs = outcome.reason === undefined && outcome.cause !== "kill";
      if (isOurs) this.#log.warn({ err: error }, "attempt failed");
      return resultOf(outcome, isOurs ? failureOf(this.#doing, error) : {});
    }
  }

  /** What the attempt has come to now that this is true of it, besides what is true of it anyway. */
  #came(...facts: AttemptFact[]): OutcomeRow {
    const all = new Set<AttemptFact>(facts);
    if (this.#killed) all.add("killed");
    if (this.#interrupted) all.add("interrupted");
    if (this.#reclaimedEarly) all.add("reclaimed-early");
    if (this.#journal.record.stopSent) all.add("stop-sent");
    if (this.#journal.record.reclaimSentAtMs !== undefined) all.add("reclaim-sent");
    return attemptOutcome(all);
  }

  async #prepare(): Promise<Execution> {
    const { executor, cache, trees } = this.#services;
    const { spec, lease } = this.#journal.record;
    const transport = trees(lease);
    const { signal } = this.#abort;
    await this.#enter("building");
    this.#doing = "The code could not be fetched";
    const codeTree =
      spec.codeTree === ""
        ? undefined
        : await untilAvailable(
            () => cache.ensureTree(asDigest(spec.codeTree), transport, { signal }),
            this.#patience(),
          );
    const mounts: ExecutionMount[] = [];
    if (spec.mounts.length > 0) await this.#enter("mounting");
    for (const mount of spec.mounts) {
      this.#doing = `The mount ${mount.resource} at ${mount.path} could not be made`;
      const digest = asDigest(mount.digest);
      const source = await untilAvailable(
        () =>
          mount.isFile
            ? cache.ensureFile({ digest, executable: mount.executable }, transport, { signal })
            : cache.ensureTree(digest, transport, { signal }),
        this.#patience(),
      );
      mounts.push({ path: mount.path, isFile: mount.isFile, source });
    }
    signal.throwIfAborted();
    this.#doing = "The command could not be started";
    // Said before the first byte of output can be there: it comes first in the log.
    await this.#announce("running");
    // A power cut must not make us forget what we are about to start.
    await this.#journal.synced();
    return executor.start({
      ...this.#services.executionBase(spec, lease),
      attemptDir: this.attemptDir,
      codeTree,
      mounts,
    });
  }

  #samplerOf(execution: Execution): RunSampler {
    const services = this.#services;
    const { spec, lease } = this.#journal.record;
    const { gpus = [], limits } = services.executionBase(spec, lease);
    return new RunSampler({
      processes: () => execution.processes(),
      memoryLimitBytes: limits?.memoryBytes,
      gpus,
      gpuReader: services.gpuReader,
      onSample: () => services.changed(),
      onProblem: (error) => this.#log.warn({ err: error }, "cannot tell what the run uses"),
    });
  }

  async #finish(execution: Execution, exit: ExitStatus): Promise<AttemptResult> {
    const { exitCode, startFailure } = exit;
    const ended = startFailure === undefined ? (exitCode === undefined ? "exit-unknown" : "exited") : "start-failed";
    const { saves } = this.#came(ended);
    const outputTree = saves ? await this.#saveOutputs(execution) : "";
    const outcome = this.#came(ended);
    // The code of a process that we ended ourselves says nothing of the program.
    const toldCode = outcome.cause === "lost" ? undefined : exitCode;
    const limit = outcome.cause === "exit" ? exit.limit : undefined;
    return resultOf(outcome, {
      exitCode: toldCode,
      outputTree: outcome.saves ? outputTree : "",
      reasonCode: limit?.code,
      reason: startFailure ?? limit?.sentence,
    });
  }

  async #saveOutputs(execution: Execution): Promise<string> {
    // Stored by an earlier life of this agent, which may have moved the files away already.
    if (this.#journal.record.outputTree !== undefined) return this.#journal.record.outputTree;
    await this.#enter("saving");
    this.#doing = "The outputs could not be stored";
    const transport = this.#services.trees(this.#journal.record.lease);
    const { signal } = this.#abort;
    const written = await execution.written();
    const saved = await saveOutputs({
      written,
      codeRoot: this.#journal.record.spec.codeRoot,
      transport,
      journal: openUploadJournal({ journals: join(this.attemptDir, "uploads"), coordinator: "", folder: "" }),
      signal,
      onHashed: () => this.#enter("pushing"),
      patiently: (work) => untilAvailable(work, { ...this.#patience(), untilRoom: true }),
    });
    await this.#enter("pushing");
    for (const text of skippedTexts(saved.skipped)) await this.#tell({ ...entry(text, "pushing"), level: "warning" });
    await this.#tell(entry(savedText(saved), "pushing"));
    this.#write({ outputTree: saved.tree ?? "" });
    await keepOutputs(saved, this.#services.cache).catch((error: unknown) =>
      // They are stored: only the next stage on this machine will have to fetch them.
      this.#log.warn({ err: error }, "outputs not kept in the cache"),
    );
    return saved.tree ?? "";
  }

  /**
   * For as long as it takes: that a store or a coordinator is away is no fault of the run, and nothing that lies on this disk is lost
   * by waiting. Says in the run's log what it waits for.
   */
  #patience(): Patience {
    const onWait = ({ message }: Error): void => this.#warn(`Waiting, and trying again: ${message}`);
    return { signal: this.#abort.signal, onWait };
  }

  async #stop(): Promise<void> {
    await this.#tell({ ...entry("Run is stopping", "stopping"), statusEvent: true });
    await this.#terminate(this.#services.stopGraceMs, this.#journal.record.stopSentAtMs);
  }

  async #endForReclaim(): Promise<void> {
    this.#warn("The machine is being taken away: the run is ended, and what it wrote is stored.");
    await this.#terminate(Math.min(RECLAIM_GRACE_MS, this.#services.stopGraceMs), this.#journal.record.reclaimSentAtMs);
  }

  /** SIGTERM, and SIGKILL after what is left of the grace. */
  async #terminate(graceMs: number, sentAtMs = monotonicMs()): Promise<void> {
    await this.#execution?.signal("SIGTERM");
    clearTimeout(this.#graceTimer);
    this.#graceTimer = setTimeout(() => this.#signal("SIGKILL"), graceMs - (monotonicMs() - sentAtMs));
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    this.#execution?.signal(signal).catch((error: unknown) => this.#log.error({ err: error, signal }, "signal failed"));
  }

  #tellOfLeft(pids: readonly number[] = []): void {
    if (pids.length === 0) return;
    const { machineType, slots } = this.#journal.record.spec;
    this.#log.error({ pids }, "processes cannot be ended: the machine should be restarted");
    this.#services.leftBehind({ machineType, slots: slots.length, pids });
  }

  /** In the run's log, for its user. */
  #warn(text: string): void {
    const status = this.#journal.record.history.at(-1)?.phase ?? "building";
    void this.#tell({ ...entry(text, status), level: "warning" });
  }

  #entered(phase: Phase): boolean {
    return this.#journal.record.history.some((each) => each.phase === phase);
  }

  async #enter(phase: Phase): Promise<void> {
    const isNew = !this.#entered(phase);
    if (isNew) this.#write({ entered: { phase, atMs: Date.now(), monotonicMs: monotonicMs() } });
    // Also when it was entered in an earlier life of this agent, which may have ended before it could say so.
    if (phase !== "running") await this.#announce(phase);
    if (isNew && phase === "running") this.#services.changed();
    else if (isNew) this.#services.changedUnhurried();
  }

  async #announce(phase: Phase): Promise<void> {
    const notice = { ...entry(`Run is ${phase}`, phase), statusEvent: true };
    if (phase === "saving" || phase === "pushing") await this.#tell(notice);
    else await this.#shipper?.note(notice);
  }

  /** Says it if the disk takes it: a run that has run loses neither its outputs nor its stop for want of a line in its log. */
  async #tell(notice: LogEntry): Promise<void> {
    try {
      await this.#shipper?.note(notice);
    } catch (error) {
      this.#log.warn({ err: error }, "notice not written");
    }
  }

  /** A full disk costs nobody a run: what cannot be written down is known while this agent lives, and found out anew after. */
  #write(change: AttemptChange): void {
    try {
      this.#journal.append(change);
    } catch (error) {
      this.#log.error({ err: error }, "journal not written");
      this.#journal.remember(change);
    }
  }

  /** What a failure was one of, from how far the attempt came. */
  #failedStep(): AttemptFact {
    if (this.#entered("saving")) return "save-failed";
    return this.#entered("mounting") ? "mount-failed" : "build-failed";
  }
}

/** An outcome as it is reported; the sentence of its reason is known to the coordinator, unless there is a closer one. */
function resultOf({ cause, reason }: OutcomeRow, more: Partial<AttemptResult> = {}): AttemptResult {
  const { exitCode, outputTree = "", reasonCode = reason ?? "", reason: sentence = "" } = more;
  return attemptResult({ cause, exitCode, outputTree, reasonCode, reason: sentence });
}

/** A clock that nobody sets; it goes on from one life of the agent to the next, until the machine is restarted. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** Notices come half a minute before the machine goes, or later: most of it is for storing what was written. */
const RECLAIM_GRACE_MS = 10_000;

function entry(
  text: string,
  status: string,
): { atMs: number; text: string; status: string; statusEvent: boolean; level: string; partial: boolean } {
  return { atMs: Date.now(), text, status, statusEvent: false, level: "info", partial: false };
}

/** What of the cache an attempt uses. */
function usedContents({ codeTree, mounts }: AttemptSpec): HeldContents {
  const files = mounts.filter(({ isFile }) => isFile);
  const folders = mounts.filter(({ isFile }) => !isFile);
  return {
    trees: [codeTree, ...folders.map(({ digest }) => digest)].filter(isDigest),
    blobs: files.map(({ digest }) => digest).filter(isDigest),
  };
}

function asDigest(text: string): Digest {
  if (!isDigest(text)) throw new SpellError("internal", `The coordinator sent "${text}" for a digest.`);
  return text;
}
