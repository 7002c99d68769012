/** gRPC: metrics. Parse, one call into a use case, map the result. */
import { SpellError, invalidInput } from "@spell/domain";
import type { MetricPoint, MetricServiceServer, StreamMetricsResponse } from "@spell/rpc";
import type { NamedPoint } from "@spell/run-store";
import type { Services } from "../services.ts";
import { serverStream, unary } from "./handler.ts";

export function createMetricService(services: Services): MetricServiceServer {
  const { metrics } = services;
  return {
    streamMetrics: serverStream(
      services,
      async function* (request, { principal, signal }): AsyncGenerator<StreamMetricsResponse> {
        const { runId, follow } = request;
        const asked = request.metrics.map(({ name, afterUs }) => ({
          name,
          afterMs: afterUs === 0 ? undefined : afterUs / 1_000,
        }));
        for await (const part of metrics.read({ principal, runId, metrics: asked, follow }, signal)) {
          yield { points: part.points.map(toMetricPoint), finished: part.finished };
        }
      },
    ),
    waitMetric: unary(services, async (request, { principal, signal }) => {
      const { runId, name, condition, value } = request;
      if (value === undefined) throw invalidInput("Say which value to wait for.", "no-value");
      const verdict = await metrics.wait({ principal, runId, name, condition, value: value.value }, signal);
      if (verdict === undefined) throw new SpellError("unavailable", "The wait was given up.", { reason: "cancelled" });
      return verdict;
    }),
  };
}

/** A point as its agent sent it. Throws invalid-input for one without a value. */
export function toNamedPoint({ name, atUs, index, value }: MetricPoint): NamedPoint {
  if (value === undefined) throw invalidInput(`A point of metric "${name}" has no value.`, "bad-metric");
  return { name, atMs: atUs / 1_000, index, value: value.value };
}

function toMetricPoint({ name, atMs, index, value }: NamedPoint): MetricPoint {
  const typed = typeof value === "number" ? { $case: "number" as const, value } : { $case: "text" as const, value };
  return { name, atUs: Math.round(atMs * 1_000), index, value: typed };
}
