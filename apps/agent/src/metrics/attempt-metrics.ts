/** The metrics of one attempt: what its run posts to this machine's metrics service, spooled and shipped. */
import type { Lease } from "@spell/rpc";
import type { MetricServer } from "./metric-server.ts";
import type { MetricShipperOptions } from "./metric-shipper.ts";
import { MetricShipper } from "./metric-shipper.ts";

export interface AttemptMetrics {
  /** Takes no more, and resolves once all is recorded. Rejects with `stale-lease` when the attempt is no longer ours. */
  finish(): Promise<void>;
  /** Ends without the rest; the next agent on this machine goes on. Idempotent. */
  stop(): Promise<void>;
}

/** Throws what the disk says. */
export async function openAttemptMetrics(
  server: MetricServer,
  options: MetricShipperOptions & { lease: Lease },
): Promise<AttemptMetrics> {
  const shipper = await MetricShipper.open(options);
  const unregister = server.register(options.lease, shipper);
  return {
    finish: async () => {
      await server.received(options.lease);
      await shipper.finish();
    },
    stop: async () => {
      unregister();
      await shipper.stop();
    },
  };
}
