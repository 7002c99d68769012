/** The configuration of a nats-server that serves one coordinator: pure text, written by `spell up` and by tests. */

export interface NatsServerConfig {
  /** Address to listen on. Default: loopback. */
  host?: string;
  port: number;
  /** Folder of the JetStream file store; the server creates it. */
  storeDir: string;
  /** Clients must present it; undefined: anyone who reaches the port may connect. */
  token?: string;
  /** Largest message. Default: 8 MiB. */
  maxPayloadBytes?: number;
  /** How often the file store is synced to disk, seconds. Default: 10 (NATS may lose messages, see the event bus). */
  syncIntervalSeconds?: number;
}

/** The configuration file. It opens no monitoring port and no cluster port. */
export function natsServerConfig(config: NatsServerConfig): string {
  const lines = [
    `listen: ${quote(`${config.host ?? "127.0.0.1"}:${config.port}`)}`,
    `max_payload: ${config.maxPayloadBytes ?? 8 * 1024 * 1024}`,
    // A reader that falls behind is cut off instead of growing the server.
    `max_pending: ${64 * 1024 * 1024}`,
    `jetstream {`,
    `  store_dir: ${quote(config.storeDir)}`,
    `  max_memory_store: ${64 * 1024 * 1024}`,
    `  sync_interval: "${config.syncIntervalSeconds ?? 10}s"`,
    `}`,
  ];
  if (config.token !== undefined) lines.push(`authorization {`, `  token: ${quote(config.token)}`, `}`);
  return `${lines.join("\n")}\n`;
}

/** A string of nats-server's configuration language; quoted, a `$` is no variable. */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}
