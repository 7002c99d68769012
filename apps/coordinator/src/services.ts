/** What the gRPC and HTTP handlers call: one bag, so that every dependency stands on one screen. */
import type { ObjectStore } from "@spell/object-store";
import type {
  AccessTokens,
  Accounts,
  Admin,
  AgentRepairs,
  AgentSessions,
  Authenticator,
  CreateRuns,
  Dispatcher,
  HyperDriver,
  HyperSearches,
  FileRuns,
  Projects,
  PublicKeys,
  Metrics,
  Links,
  Models,
  Multiparts,
  Resources,
  RunChanges,
  PushTokens,
  RunLifecycle,
  Snapshots,
  Stats,
  SteerAgents,
  StopRules,
  Storage,
  TreeCatalog,
  Workspaces,
  Uploads,
} from "@spell/run-lifecycle";
import type { RunStore } from "@spell/run-store";
import type { Logger } from "@spell/logging";
import type { Lead } from "./leadership/lead.ts";
import type { LogReader } from "./logs/log-reader.ts";

export interface Services {
  lead: Lead;
  store: RunStore;
  objects: ObjectStore;
  auth: Authenticator;
  accounts: Accounts;
  accessTokens: AccessTokens;
  publicKeys: PublicKeys;
  projects: Projects;
  create: CreateRuns;
  lifecycle: RunLifecycle;
  filing: FileRuns;
  metrics: Metrics;
  stats: Stats;
  rules: StopRules;
  hyper: HyperSearches;
  hyperDriver: HyperDriver;
  dispatcher: Dispatcher;
  sessions: AgentSessions;
  steering: SteerAgents;
  snapshots: Snapshots;
  repairs: AgentRepairs;
  trees: TreeCatalog;
  multiparts: Multiparts;
  storage: Storage;
  admin: Admin;
  resources: Resources;
  links: Links;
  models: Models;
  uploads: Uploads;
  changes: RunChanges;
  workspaces: Workspaces;
  pushTokens: PushTokens;
  logs: LogReader;
  log: Logger;
  /** What agents and runs are told. */
  addresses: {
    /** gRPC, HOST:PORT. */
    coordinator: string;
    /** HTTP base URL. */
    api: string;
    /** Those of every coordinator of this farm, this one first; empty: there is no other one. */
    all: { coordinator: string; api: string }[];
    nats: { servers: string[]; token: string };
  };
  now(): number;
}
