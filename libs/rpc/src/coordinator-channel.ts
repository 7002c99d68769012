/**
 * One channel to whichever of several coordinators leads. It stays with one until that is away or says that it does not lead; then
 * the next call goes to the next address. Nothing is repeated here: whoever calls knows what may be repeated.
 */
import { Channel, connectivityState, status } from "@grpc/grpc-js";
import type { ChannelInterface } from "@grpc/grpc-js";
import { channelCredentials, channelOptions } from "./channel.ts";
import { REASON_METADATA_KEY } from "./status.ts";

type Call = ReturnType<ChannelInterface["createCall"]>;
type Status = Parameters<Parameters<Call["start"]>[1]["onReceiveStatus"]>[0];

/** A process that was stopped still takes connections, and says nothing: where another address is known, nobody waits for longer. */
const CONNECT_WITHIN_MS = 1_500;
/** Of several coordinators a silent one is noticed in 4 s: by then another leads. */
const KEEPALIVE = { "grpc.keepalive_time_ms": 2_000, "grpc.keepalive_timeout_ms": 2_000 };

/** Reasons by which a coordinator says that it has done nothing, because another one leads. */
export const STANDBY = "standby";
export const NOT_LEADER = "not-leader";

export class CoordinatorChannel implements ChannelInterface {
  #addresses: readonly string[];
  #current: string;
  readonly #channels = new Map<string, Channel>();

  /** At least one address, the likeliest first. */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
    this.#current = addresses[0] ?? "";
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** The one that answered last, as far as is known. */
  get current(): string {
    return this.#current;
  }

  /** How long to wait between two tries at most, milliseconds: where there is another coordinator, it leads soon. */
  get longestPauseMs(): number | undefined {
    return this.#addresses.length > 1 ? 300 : undefined;
  }

  /**
   * What is known by now. The address in use stays in use while it is among them. True: from now on a silent coordinator is noticed
   * soon, but not by the calls that are open.
   */
  learn(addresses: readonly string[]): boolean {
    if (addresses.length === 0) return false;
    const wasAlone = this.#addresses.length === 1 && addresses.length > 1;
    this.#addresses = addresses;
    if (!addresses.includes(this.#current)) this.#current = addresses[0] ?? "";
    for (const [address, channel] of this.#channels) {
      if (addresses.includes(address) && !wasAlone) continue;
      channel.close();
      this.#channels.delete(address);
    }
    return wasAlone;
  }

  createCall(...request: Parameters<ChannelInterface["createCall"]>): Call {
    const address = this.#current;
    const channel = this.#channel(address);
    const call = channel.createCall(...request);
    let late: NodeJS.Timeout | undefined;
    if (this.#addresses.length > 1 && channel.getConnectivityState(true) !== connectivityState.READY) {
      late = setTimeout(() => {
        if (channel.getConnectivityState(false) === connectivityState.READY) return;
        this.#leave(address);
        call.cancelWithStatus(status.UNAVAILABLE, `no connection to ${address} within ${CONNECT_WITHIN_MS} ms`);
      }, CONNECT_WITHIN_MS);
    }
    const start = call.start.bind(call);
    call.start = (metadata, listener) =>
      start(metadata, {
        onReceiveMetadata: (received) => listener.onReceiveMetadata(received),
        onReceiveMessage: (message) => listener.onReceiveMessage(message),
        onReceiveStatus: (end) => {
          clearTimeout(late);
          if (isAway(end)) this.#leave(address);
          listener.onReceiveStatus(end);
        },
      });
    return call;
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  getTarget(): string {
    return this.#channel(this.#current).getTarget();
  }

  getConnectivityState(tryToConnect: boolean): connectivityState {
    return this.#channel(this.#current).getConnectivityState(tryToConnect);
  }

  watchConnectivityState(...request: Parameters<ChannelInterface["watchConnectivityState"]>): void {
    this.#channel(this.#current).watchConnectivityState(...request);
  }

  getChannelzRef(): ReturnType<ChannelInterface["getChannelzRef"]> {
    return this.#channel(this.#current).getChannelzRef();
  }

  /** Unless another call has left it already: ten calls that fail together go one address further, not ten. */
  #leave(address: string): void {
    if (address !== this.#current) return;
    const next = (this.#addresses.indexOf(address) + 1) % this.#addresses.length;
    this.#current = this.#addresses[next] ?? address;
  }

  #channel(address: string): Channel {
    const known = this.#channels.get(address);
    if (known !== undefined) return known;
    const options = { ...channelOptions(address), ...(this.#addresses.length > 1 ? KEEPALIVE : {}) };
    const channel = new Channel(address, channelCredentials(), options);
    this.#channels.set(address, channel);
    return channel;
  }
}

/** Whether another coordinator has to be asked. A leader that cannot do something just now says so with a reason of its own. */
function isAway(end: Status): boolean {
  if (end.code !== status.UNAVAILABLE) return false;
  const reason = end.metadata.get(REASON_METADATA_KEY)[0]?.toString();
  return reason === undefined || reason === STANDBY || reason === NOT_LEADER;
}
