/**
 * The record of hyper-parameter searches. A search and the runs it starts with are one transaction, and so is each later
 * run with its number: there is never half a search, and no run of one is made twice or forgotten.
 */
import type { NewRun, RunRecord } from "./records.ts";

export type ParameterValue = string | number;

/** Numbers between two ends, both included. */
export interface ParameterRange {
  min: number;
  max: number;
  /** How the numbers lie between the ends: `log` closer together at the lower one, `reverse_log` at the upper one. */
  scaling: "linear" | "log" | "reverse_log";
  type: "float" | "int";
}

export interface ListedParameter {
  name: string;
  values: ParameterValue[];
}

export interface RangedParameter {
  name: string;
  range: ParameterRange;
}

/** What is searched, and how. */
export type SearchSpec =
  /** Every combination of the values. */
  | { kind: "grid"; parameters: ListedParameter[] }
  /** Every run draws its own values. */
  | { kind: "random"; parameters: (ListedParameter | RangedParameter)[]; numRuns: number }
  /** The values of a run follow from what the runs before it have reached. */
  | {
      kind: "bayesian";
      parameters: RangedParameter[];
      numRuns: number;
      /** How many runs are under way at the same time, at most. */
      parallelRuns: number;
      /** The metric whose largest value is looked for. */
      metric: string;
      /** Which of the values that a run sends counts. */
      aggregation: "avg" | "min" | "max" | "last";
    };

export interface NewHyperSearch {
  owner: string;
  spec: SearchSpec;
  /** A run before it has its parameters: the command still has its places. */
  template: NewRun;
  /** All random numbers of the search follow from it. */
  seed: number;
  createdAtMs: number;
}

export interface HyperSearchRecord extends NewHyperSearch {
  id: number;
  requested?: "stop" | "kill";
  requestedBy?: string;
  /** All its runs have ended, and it makes no more. */
  endedAtMs?: number;
  /** Hidden from lists. */
  archivedAtMs?: number;
}

/** How far a search is. */
export interface SearchProgress {
  /** Runs that were made. */
  made: number;
  /** Those of them that have not ended. */
  open: number;
  /** When the first of them started. */
  startedAtMs?: number;
}

export interface HyperStore {
  /**
   * Numbers the search and queues its first runs. A client key seen before (of the same owner) answers the search it made,
   * with existed.
   */
  create(
    search: NewHyperSearch,
    runs: readonly NewRun[],
    clientKey: string,
  ): Promise<{ search: HyperSearchRecord; runs: RunRecord[]; existed: boolean }>;
  find(id: number): Promise<HyperSearchRecord | undefined>;
  /** The search that this owner made with this client key. */
  findByClientKey(owner: string, clientKey: string): Promise<HyperSearchRecord | undefined>;
  /** Newest first, without archived ones. */
  list(owner: string): Promise<HyperSearchRecord[]>;
  /** Ids of those that have not ended, of all owners. */
  listOpen(): Promise<number[]>;
  progress(id: number): Promise<SearchProgress>;
  /** All runs of a search in the order they were made, archived ones too. */
  listRuns(id: number): Promise<RunRecord[]>;
  /**
   * Adds the run that is the `number`th of a search, from 0. Undefined when it has that one already, or lacks one before, or
   * was to stop: somebody else was faster.
   */
  addRun(id: number, number: number, run: NewRun): Promise<RunRecord | undefined>;
  /** Stop or kill: it makes no more runs. A kill outranks a stop, otherwise the first request stays. */
  request(id: number, verb: "stop" | "kill", by: string): Promise<HyperSearchRecord | undefined>;
  /** Sets its end if all its runs have ended and it makes no more (`wanted` runs, or it was to stop). True if it did. */
  end(id: number, wanted: number, atMs: number): Promise<boolean>;
  /** Hides one that has ended or is to end. False when it is neither, or hidden already. */
  archive(id: number, atMs: number): Promise<boolean>;
}
