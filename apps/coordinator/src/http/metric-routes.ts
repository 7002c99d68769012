/** HTTP: metrics of runs. Thin over the same use cases as gRPC. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import type { NamedPoint } from "@spell/run-store";
import type { Services } from "../services.ts";
import { toHttpError } from "./errors.ts";
import { ownerOf } from "./owner.ts";
import { parseTime } from "./parse-time.ts";
import { runId } from "./run-answer.ts";
import { openLineStream } from "./stream.ts";
import type { TypedServer } from "./typed.ts";
import { wireTime } from "./wire.ts";

const RunPath = Type.Object({ owner: Type.String(), id: Type.String() });

const MetricsBody = Type.Object({
  metrics: Type.Array(
    Type.Object({
      name: Type.String(),
      /** Only points after this time; null: from the first. */
      offset: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
    { minItems: 1, maxItems: 1_000 },
  ),
  follow: Type.Optional(Type.Boolean()),
});

const WaitBody = Type.Object({
  metric_name: Type.String(),
  condition: Type.String(),
  value: Type.Union([Type.Number(), Type.String()]),
});

export function addMetricRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { lifecycle, metrics } = services;

  server.post(
    "/runs/:owner/:id/user-metrics",
    { schema: { params: RunPath, body: MetricsBody } },
    async (request, reply) => {
      const { principal } = await ownerOf(services, request);
      const id = runId(request.params.id);
      const asked = request.body.metrics.map(({ name, offset }) => ({ name, afterMs: parseTime(offset) }));
      const names = asked.map(({ name }) => name);
      const { follow = false } = request.body;
      await lifecycle.get(principal, id);
      // The header tells the client that more than one line may come.
      const stream = openLineStream(reply, { stream: "metrics" });
      try {
        await stream.send({ connected: true });
        for await (const part of metrics.read({ principal, runId: id, metrics: asked, follow }, stream.signal)) {
          const { points, finished } = part;
          await stream.send({ metrics_by_run: { [id]: wirePoints(names, points) }, finished });
        }
      } catch (error) {
        // The client asks again from the last point it has.
        services.log.warn({ err: error, runId: id }, "metric stream broke");
      }
      stream.end();
      return reply;
    },
  );

  server.post(
    "/runs/:owner/:id/wait_metric",
    { schema: { params: RunPath, body: WaitBody } },
    async (request, reply) => {
      const { principal } = await ownerOf(services, request);
      const id = runId(request.params.id);
      await lifecycle.get(principal, id);
      const { metric_name: name, condition, value } = request.body;
      const stream = openLineStream(reply);
      try {
        const verdict = await metrics.wait({ principal, runId: id, name, condition, value }, stream.signal);
        if (verdict?.reached) await stream.send({ success: true });
        else if (verdict !== undefined) await stream.send({ success: false, error: verdict.message });
      } catch (error) {
        await stream.send({ success: false, error: toHttpError(error).body.error });
      }
      stream.end();
      return reply;
    },
  );
}

/** By name; with any points at all every name that was asked for is there, because clients look it up. */
function wirePoints(names: readonly string[], points: readonly NamedPoint[]): Record<string, unknown> {
  if (points.length === 0) return {};
  const rows = new Map<string, unknown[]>(names.map((name) => [name, []]));
  for (const { name, atMs, index, value } of points) rows.get(name)?.push([wireTime(atMs), index, value]);
  return Object.fromEntries([...rows].map(([name, data]) => [name, { data }]));
}
