/** How every process of Spell opens and serves gRPC connections: limits, keepalive, credentials, the bearer token. */
import { Metadata, ServerCredentials, credentials } from "@grpc/grpc-js";
import type { ChannelCredentials, ChannelOptions, ServerOptions } from "@grpc/grpc-js";

/** Largest message either side takes, bytes: a directory node of 64 MiB, and what frames it. */
export const MAX_MESSAGE_BYTES = 65 * 1024 * 1024;

const KEEPALIVE_TIME_MS = 20_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/** Options of a client's channel to `HOST:PORT`: a dead peer is noticed in 30 s, a restarted one found within 2 s. */
export function channelOptions(address: string): ChannelOptions {
  return {
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.min_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 2_000,
    // A proxy from the environment is meant for the outside world and cannot reach our own loopback.
    "grpc.enable_http_proxy": isLoopback(address) ? 0 : 1,
  };
}

/** Options of a server, matching `channelOptions`. */
export function serverOptions(): ServerOptions {
  return {
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  };
}

/** Credentials of a client's channel. The one place to change when connections become encrypted. */
export function channelCredentials(): ChannelCredentials {
  return credentials.createInsecure();
}

/** Credentials of a server's port. The one place to change when connections become encrypted. */
export function serverCredentials(): ServerCredentials {
  return ServerCredentials.createInsecure();
}

/** Metadata of a call: who is asking. */
export function callMetadata(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/** The bearer token of a call as a server sees it; undefined when there is none. */
export function bearerToken(metadata: Metadata): string | undefined {
  const value = metadata.get("authorization")[0]?.toString();
  return value === undefined ? undefined : /^Bearer (\S+)$/i.exec(value)?.[1];
}

function isLoopback(address: string): boolean {
  const host = address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
