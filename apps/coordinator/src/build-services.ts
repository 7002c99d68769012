/** Puts the parts of a coordinator together on the drivers it is given; who chooses and who ends those is the caller. */
import { randomInt } from "node:crypto";
import type { NonZeroExit } from "@spell/domain";
import type { EventBus } from "@spell/event-bus";
import type { Logger } from "@spell/logging";
import type { ObjectStore } from "@spell/object-store";
import {
  AccessTokens,
  Accounts,
  Admin,
  AgentRepairs,
  AgentSessions,
  Authenticator,
  CommitTrees,
  CreateRuns,
  Dispatcher,
  FileRuns,
  HyperDriver,
  HyperSearches,
  Leases,
  LoginAttempts,
  Passwords,
  Projects,
  PublicKeys,
  ResolveCode,
  Metrics,
  Links,
  Models,
  Multiparts,
  Resources,
  ResumeRuns,
  RunChanges,
  RunLifecycle,
  Snapshots,
  Stats,
  SteerAgents,
  StopRules,
  Storage,
  TreeCatalog,
  Workspaces,
  UploadFolder,
  Uploads,
} from "@spell/run-lifecycle";
import type { GarbageRules, PasswordCost } from "@spell/run-lifecycle";
import type { RunStore } from "@spell/run-store";
import type { Git } from "./git/open-git.ts";
import type { Lead } from "./leadership/lead.ts";
import { LogReader } from "./logs/log-reader.ts";
import { StoreLogRecord } from "./logs/store-log-record.ts";
import type { Services } from "./services.ts";

export interface ServiceOptions {
  lead: Lead;
  store: RunStore;
  objects: ObjectStore;
  bus: EventBus;
  git: Git;
  /** Folder for bytes of uploads under way. */
  uploadFolder: string;
  /** Signs the tokens of runs. */
  runSecret: string;
  /** Machine types that may be asked for before any agent has them. */
  machineTypes: readonly string[];
  /** What a command that exits with another code than 0 makes of its run. */
  nonZeroExit: NonZeroExit;
  /** Whether anybody may make a user for themselves. */
  allowSignup: boolean;
  /** Default: what keeps a stolen record safe. */
  passwordCost?: PasswordCost;
  garbage: GarbageRules;
  /** How long an agent may be silent before its runs are interrupted. */
  leaseMs: number;
  /** Filled in by the caller once its ports are known. */
  addresses: Services["addresses"];
  log: Logger;
  now: () => number;
  /** Told of what goes wrong in the background. */
  onError: (error: unknown) => void;
}

/**
 * Nothing runs yet: `changes.start()` listens to the bus, the first `dispatcher.kick()` schedules, `hyperDriver.start()` goes on
 * with searches.
 */
export function buildServices(options: ServiceOptions): Services {
  const { store, objects, bus, git, addresses, log, now, onError } = options;
  const changes = new RunChanges(bus);
  const trees = new TreeCatalog(store, objects, now, (claim) =>
    log.warn(claim, "other bytes lie in the object store than this user said: what he uploaded is damaged or false"),
  );
  const sessions = new AgentSessions(options.machineTypes);
  const snapshots = new Snapshots(sessions);
  const repairs = new AgentRepairs(sessions);
  const dispatcher = new Dispatcher({ store, sessions, changes, now, onError });
  const leases = new Leases({ leaseMs: options.leaseMs }, () => performance.now());
  const { nonZeroExit } = options;
  const resume = new ResumeRuns({ store, trees, now });
  const lifecycle = new RunLifecycle({
    store,
    sessions,
    changes,
    dispatcher,
    snapshots,
    leases,
    resume,
    nonZeroExit,
    now,
  });
  const { repositories, maxBytes, allowedProtocols } = git;
  const workspaces = new Workspaces({ store, repositories, now });
  const commits = new CommitTrees({ store, trees, maxBytes });
  const code = new ResolveCode({ store, trees, snapshots, workspaces, commits, repositories, allowedProtocols });
  const create = new CreateRuns({ store, trees, sessions, code, now });
  const hyperDriver = new HyperDriver({ store, lifecycle, now, onError });
  const seed = (): number => randomInt(2 ** 31);
  const rules = new StopRules({ store, lifecycle, now });
  return {
    lead: options.lead,
    store,
    objects,
    auth: new Authenticator(store, options.runSecret, now),
    accounts: new Accounts({
      ...{ store, now, allowSignup: options.allowSignup },
      attempts: new LoginAttempts(),
      passwords: new Passwords(options.passwordCost),
    }),
    accessTokens: new AccessTokens(store, now),
    publicKeys: new PublicKeys(store, now),
    projects: new Projects(store, now),
    create,
    lifecycle,
    filing: new FileRuns({ store, lifecycle, changes, now }),
    metrics: new Metrics({ store, lifecycle, changes, rules }),
    stats: new Stats({ lifecycle, sessions, changes }),
    rules,
    hyper: new HyperSearches({ store, create, lifecycle, driver: hyperDriver, now, seed }),
    hyperDriver,
    dispatcher,
    sessions,
    steering: new SteerAgents({ store, sessions, dispatcher, lifecycle }),
    snapshots,
    repairs,
    trees,
    multiparts: new Multiparts({ store, objects, now }),
    admin: new Admin({ store, now }),
    storage: new Storage({
      ...{ store, objects, trees, repairs, now, rules: options.garbage },
      onCollected: (outcome) => log.info(outcome, "collected garbage"),
    }),
    resources: new Resources({ store, trees }),
    links: new Links({ store, trees, now }),
    models: new Models({ store, trees, now }),
    uploads: new Uploads({ store, trees, folder: new UploadFolder(options.uploadFolder), now }),
    changes,
    workspaces,
    pushTokens: git.tokens,
    logs: new LogReader({ record: new StoreLogRecord(store, changes), objects, bus }),
    log,
    addresses,
    now,
  };
}
