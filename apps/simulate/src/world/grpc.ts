/** gRPC's client and the server's side of its calls, over the world's network. Messages are encoded and decoded as on the wire. */
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { Metadata, status } from "@grpc/grpc-js";
import type { MethodDefinition, ServiceDefinition, ServiceError } from "@grpc/grpc-js";
import type { Call, Ending, Network, Offered } from "./network.ts";
import type { SimProcess } from "./world.ts";
import { currentProcess, world } from "./world.ts";

type Method = MethodDefinition<unknown, unknown>;
type Callback = (error: ServiceError | null, response?: unknown) => void;
interface Options {
  deadline?: number;
}

let network: Network | undefined;

/** The network that calls are made over. */
export function useNetwork(next: Network): void {
  network = next;
}

function networkHere(): Network {
  if (network === undefined) throw new Error("there is no network");
  return network;
}

function toError({ code, details, metadata }: Ending): ServiceError {
  const copy = metadata instanceof Metadata ? metadata : new Metadata();
  return Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: copy });
}

/** The server's end of a call, as a handler of the coordinator sees it. */
class ServerCall extends EventEmitter {
  readonly metadata: Metadata;
  request: unknown;
  cancelled = false;
  readonly #answer: { message: (value: unknown) => void; end: (ending?: Ending) => void };
  /** Until somebody listens. */
  #isPaused = true;
  #ended = false;
  readonly #waiting: (() => void)[] = [];

  constructor(metadata: Metadata, answer: { message: (value: unknown) => void; end: (ending?: Ending) => void }) {
    super();
    this.metadata = metadata;
    this.#answer = answer;
    // As grpc-js does: an error that a handler emits is the call's status.
    this.on("error", (error: Ending) => this.#end(error));
  }

  override on(event: string, listener: (...args: never[]) => void): this {
    super.on(event, listener as (...args: unknown[]) => void);
    if (event === "data") this.resume();
    return this;
  }

  getPeer(): string {
    return "10.0.0.1:1";
  }

  write(value: unknown): boolean {
    if (!this.#ended) this.#answer.message(value);
    return true;
  }

  end(): void {
    this.#end();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next();
    }
  }

  /** In the order of arrival, while the handler reads. */
  arrived(deliver: () => void): void {
    this.#waiting.push(deliver);
    if (!this.#isPaused) this.resume();
  }

  gone(): void {
    this.cancelled = true;
    this.emit("cancelled");
    this.emit("close");
  }

  #end(ending?: Ending): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#answer.end(ending);
  }
}

interface Client {
  process: SimProcess;
  /** Of the server, at this moment. */
  readonly address: string;
  service: string;
}

/** A call that was connected, with both its ends. */
function open(
  client: Client,
  method: Method,
  metadata: Metadata,
  on: { message: (value: unknown) => void; end: (ending?: Ending) => void },
): { call: Call; server: ServerCall; offered: Offered } | undefined {
  const net = networkHere();
  const made = net.connect(client.process, client.address, client.service, (ending) => on.end(ending));
  if (made === undefined) return undefined;
  const { call, offered } = made;
  const end = (ending?: Ending): void => {
    call.client.isOpen = false;
    on.end(ending);
  };
  const server = new ServerCall(metadata.clone(), {
    message: (value) => {
      const bytes = method.responseSerialize(value);
      net.send(call, call.server, "answer", () => on.message(method.responseDeserialize(bytes)));
    },
    end: (ending) => {
      net.send(call, call.server, "end", () => {
        net.finish(call);
        end(ending);
      });
    },
  });
  call.server.onBroken = () => server.gone();
  return { call, server, offered };
}

/** The client leaves: the server is told. */
function leave(opened: ReturnType<typeof open>): void {
  if (opened === undefined || !opened.call.client.isOpen) return;
  const { call, server } = opened;
  networkHere().send(call, call.client, "cancel", () => {
    call.server.isOpen = false;
    server.gone();
  });
  call.client.isOpen = false;
}

function handlerOf(offered: Offered, name: string): (...args: unknown[]) => unknown {
  return offered.implementation[name] as (...args: unknown[]) => unknown;
}

function unary(client: Client, name: string, method: Method) {
  return (request: unknown, metadata: Metadata, options: Options, callback: Callback): { cancel(): void } => {
    let settled = false;
    const settle = (error: ServiceError | null, response?: unknown): void => {
      if (settled) return;
      settled = true;
      if (deadline !== undefined) clearTimeout(deadline);
      callback(error, response);
    };
    let response: unknown;
    const bytes = method.requestSerialize(request);
    const opened = open(client, method, metadata, {
      message: (value) => (response = value),
      end: (ending) => (ending === undefined ? settle(null, response) : settle(toError(ending))),
    });
    const giveUp = (code: number, details: string): void => {
      leave(opened);
      settle(toError({ code, details }));
    };
    const { deadline: deadlineMs } = options;
    const deadline =
      deadlineMs === undefined
        ? undefined
        : setTimeout(() => giveUp(status.DEADLINE_EXCEEDED, "Deadline exceeded"), deadlineMs - Date.now());
    if (opened !== undefined) {
      const { call, server, offered } = opened;
      networkHere().send(call, call.client, name, () => {
        server.request = method.requestDeserialize(bytes);
        handlerOf(offered, name)(server, (error: Ending | null, answer: unknown) => {
          if (error !== null) {
            server.emit("error", error);
            return;
          }
          server.write(answer);
          server.end();
        });
      });
    }
    return { cancel: () => giveUp(status.CANCELLED, "Cancelled on client") };
  };
}

function serverStream(client: Client, name: string, method: Method) {
  return (request: unknown, metadata: Metadata): Readable & { cancel(): void } => {
    const bytes = method.requestSerialize(request);
    const stream = new Readable({ objectMode: true, read: () => undefined });
    const opened = open(client, method, metadata, {
      message: (value) => void stream.push(value),
      end: (ending) => (ending === undefined ? void stream.push(null) : void stream.destroy(toError(ending))),
    });
    if (opened !== undefined) {
      const { call, server, offered } = opened;
      networkHere().send(call, call.client, name, () => {
        server.request = method.requestDeserialize(bytes);
        handlerOf(offered, name)(server);
      });
    }
    const cancel = (): void => {
      leave(opened);
      stream.destroy();
    };
    return Object.assign(stream, { cancel });
  };
}

/** Both directions; what the client writes goes on its way at once. */
class ClientDuplex extends EventEmitter {
  readonly #method: Method;
  readonly #opened: ReturnType<typeof open>;

  constructor(client: Client, name: string, method: Method, metadata: Metadata) {
    super();
    this.#method = method;
    this.#opened = open(client, method, metadata, {
      message: (value) => this.emit("data", value),
      end: (ending) => (ending === undefined ? this.emit("end") : this.emit("error", toError(ending))),
    });
    if (this.#opened === undefined) return;
    const { call, server, offered } = this.#opened;
    networkHere().send(call, call.client, name, () => handlerOf(offered, name)(server));
  }

  write(value: unknown): boolean {
    if (this.#opened === undefined) return false;
    const { call, server } = this.#opened;
    const bytes = this.#method.requestSerialize(value);
    networkHere().send(call, call.client, "message", () =>
      server.arrived(() => {
        networkHere().onHeard(call.client.process.host.name);
        server.emit("data", this.#method.requestDeserialize(bytes));
      }),
    );
    return true;
  }

  end(): void {
    if (this.#opened === undefined) return;
    const { call, server } = this.#opened;
    networkHere().send(call, call.client, "half-close", () => server.arrived(() => server.emit("end")));
  }

  cancel(): void {
    leave(this.#opened);
  }
}

/** What gRPC makes of a service: a class of clients. */
function makeGenericClientConstructor(definition: ServiceDefinition, service: string): unknown {
  return class {
    constructor(given: string, _credentials: unknown, options?: { channelOverride?: { current: string } }) {
      const process = currentProcess();
      if (process === undefined) throw new Error("a client belongs to a process of the world");
      const channel = options?.channelOverride;
      const client: Client = {
        ...{ process, service },
        get address() {
          return channel?.current ?? given;
        },
      };
      for (const [name, method] of Object.entries(definition) as [string, Method][]) {
        Object.assign(this, { [name]: callOf(client, name, method) });
      }
    }

    close(): void {
      world().effect();
    }
  };
}

function callOf(client: Client, name: string, method: Method): unknown {
  if (method.requestStream) return (metadata: Metadata) => new ClientDuplex(client, name, method, metadata);
  return method.responseStream ? serverStream(client, name, method) : unary(client, name, method);
}

export const grpcModule = { makeGenericClientConstructor };
