export type { MetricPoint, MetricStore, MetricSummary, NamedPoint } from "./metrics.ts";
export type { RunStore } from "./run-store.ts";
export type {
  AgentRecord,
  BlobLocation,
  LogDescription,
  LogSegment,
  NewBlob,
  NewRun,
  ResolvedMount,
  RunChange,
  RunRecord,
  RunSpec,
  RunType,
  TokenOwner,
  UserRecord,
  WorkflowLabel,
  WorkflowRecord,
} from "./records.ts";
