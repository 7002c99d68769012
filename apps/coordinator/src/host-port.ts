/** An address as URLs and gRPC write it. */

/** `host:port`; an IPv6 address is put in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
