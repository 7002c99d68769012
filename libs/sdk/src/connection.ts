/**
 * One client's connection to a coordinator: the generated clients, the token, and how long to insist.
 * Repeated calls are harmless for every caller here: reads change nothing, creations carry a client key.
 */
import type { Metadata } from "@grpc/grpc-js";
import {
  AccountServiceClient,
  AdminServiceClient,
  HyperServiceClient,
  LinkServiceClient,
  MetricServiceClient,
  StatsServiceClient,
  ProjectServiceClient,
  ModelServiceClient,
  ResourceServiceClient,
  StorageServiceClient,
  RunServiceClient,
  TreeServiceClient,
  UploadServiceClient,
  UserServiceClient,
  WorkflowServiceClient,
  WorkspaceServiceClient,
  callMetadata,
  callUnary,
  channelCredentials,
  CoordinatorChannel,
  isUnavailable,
  parseAddresses,
  readStream,
} from "@spell/rpc";
import type { StreamMethod, UnaryMethod } from "@spell/rpc";

/** How long calls are repeated while nobody answers. */
export interface Patience {
  /** Until the coordinator has answered once, milliseconds. Default: as `retryForMs`. */
  connectForMs?: number;
  /** Afterwards, when it may be restarting, milliseconds. Default 30,000. */
  retryForMs?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Longest wait for one answer, milliseconds; Infinity for calls that are held. Default 30,000. */
  deadlineMs?: number;
  /** Overrides the connection's patience once the coordinator has answered. */
  retryForMs?: number;
}

const DEFAULT_RETRY_FOR_MS = 30_000;
/** Twice what a standby may take to lead, milliseconds. */
const TAKEOVER_MS = 10_000;

/** Opens no socket until the first call. */
export class Connection implements Disposable {
  readonly address: string;
  readonly runs: RunServiceClient;
  readonly workflows: WorkflowServiceClient;
  readonly workspaces: WorkspaceServiceClient;
  readonly trees: TreeServiceClient;
  readonly account: AccountServiceClient;
  readonly users: UserServiceClient;
  readonly projects: ProjectServiceClient;
  readonly metrics: MetricServiceClient;
  readonly stats: StatsServiceClient;
  readonly hyper: HyperServiceClient;
  readonly resources: ResourceServiceClient;
  readonly uploads: UploadServiceClient;
  readonly links: LinkServiceClient;
  readonly models: ModelServiceClient;
  readonly storage: StorageServiceClient;
  readonly admin: AdminServiceClient;
  readonly #channel: CoordinatorChannel;
  readonly #metadata: Metadata;
  readonly #connectForMs: number;
  readonly #retryForMs: number;
  #answered = false;

  /** `address`: of one coordinator or, with commas, of several. */
  constructor(options: { address: string; token: string } & Patience) {
    const { address } = options;
    this.#channel = new CoordinatorChannel(parseAddresses(address));
    const open = [address, channelCredentials(), { channelOverride: this.#channel }] as const;
    this.address = address;
    this.runs = new RunServiceClient(...open);
    this.workflows = new WorkflowServiceClient(...open);
    this.workspaces = new WorkspaceServiceClient(...open);
    this.trees = new TreeServiceClient(...open);
    this.account = new AccountServiceClient(...open);
    this.users = new UserServiceClient(...open);
    this.projects = new ProjectServiceClient(...open);
    this.metrics = new MetricServiceClient(...open);
    this.stats = new StatsServiceClient(...open);
    this.hyper = new HyperServiceClient(...open);
    this.resources = new ResourceServiceClient(...open);
    this.uploads = new UploadServiceClient(...open);
    this.links = new LinkServiceClient(...open);
    this.models = new ModelServiceClient(...open);
    this.storage = new StorageServiceClient(...open);
    this.admin = new AdminServiceClient(...open);
    this.#metadata = callMetadata(options.token);
    this.#retryForMs = options.retryForMs ?? DEFAULT_RETRY_FOR_MS;
    // Of several coordinators none may lead for some seconds: nobody is told that there is none while another one takes over.
    const takeoverMs = this.#channel.addresses.length > 1 ? TAKEOVER_MS : 0;
    this.#connectForMs = Math.max(options.connectForMs ?? this.#retryForMs, takeoverMs);
  }

  /** Begins to connect, for the first call to find it done. All clients share the connection. */
  begin(): void {
    this.#channel.getConnectivityState(true);
  }

  /** How long to insist at this moment, milliseconds. */
  get patienceMs(): number {
    return this.#answered ? this.#retryForMs : this.#connectForMs;
  }

  /** Longest pause between two tries, milliseconds; undefined: nothing speaks for a short one. */
  get longestPauseMs(): number | undefined {
    return this.#channel.longestPauseMs;
  }

  /** Whether the coordinator has answered at least once. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Makes a unary call, repeated while nobody answers. Throws SpellError. */
  async unary<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const patienceMs = this.#answered ? (options.retryForMs ?? this.#retryForMs) : this.#connectForMs;
    try {
      const response = await callUnary(method, request, {
        metadata: this.#metadata,
        address: this.address,
        signal: options.signal,
        deadlineMs: options.deadlineMs,
        retryForMs: patienceMs,
        longestPauseMs: this.longestPauseMs,
      });
      this.#answered = true;
      return response;
    } catch (error) {
      if (!isUnavailable(error) && !options.signal?.aborted) this.#answered = true;
      throw error;
    }
  }

  /** Reads a server stream once; whoever reads decides about reading on. Throws SpellError. */
  async *stream<Request, Response>(
    method: StreamMethod<Request, Response>,
    request: Request,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<Response, void, undefined> {
    const context = { metadata: this.#metadata, address: this.address, signal: options.signal };
    for await (const message of readStream(method, request, context)) {
      this.#answered = true;
      yield message;
    }
  }

  /** Closes the sockets; calls under way fail. */
  close(): void {
    // All clients share it.
    this.#channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
