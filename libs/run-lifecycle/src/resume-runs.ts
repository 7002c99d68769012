/**
 * The run that goes on for one whose machine was taken away: the same command, and for its code what lay on the old disk, which is the
 * code with what the run wrote laid over it.
 */
import type { Digest, LogEntry } from "@spell/domain";
import { SpellError, messageOf } from "@spell/domain";
import type { NewRun, RunChange, RunRecord, RunSpec, RunStore } from "@spell/run-store";
import { overlayTree } from "@spell/spellfs";
import { createdNotice, notice } from "./notices.ts";
import { requestHash } from "./request-hash.ts";
import type { TreeCatalog } from "./tree-catalog.ts";

export interface ResumeRunsDeps {
  store: Pick<RunStore, "findWorkflow">;
  trees: TreeCatalog;
  now: () => number;
}

export class ResumeRuns {
  readonly #deps: ResumeRunsDeps;

  constructor(deps: ResumeRunsDeps) {
    this.#deps = deps;
  }

  /** A change that ends a run, with the run that goes on for it where there is to be one. Rejects while the object store is away. */
  async withSuccessor(run: RunRecord, change: RunChange): Promise<RunChange> {
    if (!isResumed(run, change) || !(await this.#takesRuns(run.workflowId))) return change;
    const atMs = this.#deps.now();
    const { owner, workflowId, labels, projectId, spec } = run;
    const { code, warnings } = await this.#codeOf(run, change.outputTree, atMs);
    const resume: NewRun = {
      ...{ owner, runType: "user", workflowId, labels, projectId, spec: { ...spec, ...code }, createdAtMs: atMs },
      // Whoever asks for the same as the old run asked for is answered this one.
      requestHash: requestHash(spec),
      notices: [createdNotice(spec.machineType, atMs), goesOnNotice(run, atMs), ...warnings],
    };
    return { ...change, resume, notices: [...(change.notices ?? []), resumedNotice(run, atMs)] };
  }

  async #takesRuns(workflowId: number | undefined): Promise<boolean> {
    const workflow = workflowId === undefined ? undefined : await this.#deps.store.findWorkflow(workflowId);
    return workflow?.requested === undefined && workflow?.archivedAtMs === undefined;
  }

  /** What cannot be laid together is said, and the run begins with its code alone: that is better than not at all. */
  async #codeOf(
    { owner, spec: { codeTree, codeRoot } }: RunRecord,
    outputTree: Digest | undefined,
    atMs: number,
  ): Promise<{ code: Pick<RunSpec, "codeTree">; warnings: LogEntry[] }> {
    if (outputTree === undefined) return { code: { codeTree }, warnings: [] };
    if (codeTree === "") return { code: { codeTree: outputTree }, warnings: [] };
    try {
      const files = { base: codeTree, at: codeRoot, over: outputTree };
      return { code: { codeTree: await this.#overlay(owner, files) }, warnings: [] };
    } catch (error) {
      if (!(error instanceof SpellError) || error.code === "unavailable") throw error;
      const text = `The files of the run before could not be laid over the code, which is used as it was: ${messageOf(error)}`;
      return { code: { codeTree }, warnings: [warning(text, atMs)] };
    }
  }

  async #overlay(owner: string, files: { base: Digest; at: string; over: Digest }): Promise<Digest> {
    const { trees } = this.#deps;
    const { root, nodes } = await overlayTree(files, (digest) => trees.readNode(digest));
    const object = await trees.putPack(
      [...nodes].map(([digest, bytes]) => ({ digest, bytes })),
      "nodes",
    );
    const objects = object === undefined ? [] : [object];
    // What its owner claims to have put counts for him.
    await trees.commitTree({ root, objects, nodes: [...nodes.values()] }, { userName: owner, isClaimant: false });
    return root;
  }
}

/** Whether this end of a run is one that another run goes on after. Never when its user wanted it to end. Pure. */
export function isResumed({ spec, requested }: RunRecord, { reasonCode, endedAtMs }: RunChange): boolean {
  const isReclaimed = endedAtMs !== undefined && reasonCode === "machine-reclaimed";
  return spec.autoResume === true && requested === undefined && isReclaimed;
}

function goesOnNotice({ id }: RunRecord, atMs: number): LogEntry {
  const text = `Goes on for run ${id}, whose machine was taken away, with the files that were stored of it.`;
  return notice({ atMs, status: "machine_requested", text, event: true });
}

function resumedNotice({ id }: RunRecord, atMs: number): LogEntry {
  const text = `Another run goes on for run ${id}: "spell info ${id}" says which.`;
  return notice({ atMs, status: "interrupted", text, event: true });
}

function warning(text: string, atMs: number): LogEntry {
  return notice({ atMs, status: "machine_requested", text, level: "warning" });
}
