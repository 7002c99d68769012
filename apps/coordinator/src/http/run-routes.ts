/** HTTP: runs. Thin over the same use cases as gRPC. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import type { Services } from "../services.ts";
import { toHttpError } from "./errors.ts";
import { ownerOf } from "./owner.ts";
import { RunBody, toRunRequest } from "./run-body.ts";
import { RunListQuery, toRunFilter } from "./run-list.ts";
import { runAnswer, runAnswers, runId } from "./run-answer.ts";
import { openLineStream } from "./stream.ts";
import { wireLogEntry } from "./wire.ts";
import type { TypedServer } from "./typed.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const RunPath = Type.Object({ owner: Type.String(), id: Type.String() });

export function addRunRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { lifecycle, create, logs } = services;

  server.post("/runs/:owner", { schema: { params: OwnerPath, body: RunBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const clientKey = String(request.headers["idempotency-key"] ?? "");
    const { run, existed, reused } = await create.run(principal, toRunRequest(request.body), clientKey);
    if (!existed && !reused) lifecycle.created(run);
    // A repeated call is the same call: only a run of another call counts as one that was there already.
    return { run: await runAnswer(services, run), already_existed: reused };
  });

  server.get(
    "/runs/:owner",
    {
      schema: {
        params: OwnerPath,
        querystring: RunListQuery,
      },
    },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      const runs = await lifecycle.list(principal, toRunFilter(request.query));
      return { runs: await runAnswers(services, runs) };
    },
  );

  server.get("/runs/:owner/:id", { schema: { params: RunPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { run: await runAnswer(services, await lifecycle.get(principal, runId(request.params.id))) };
  });

  server.delete("/runs/:owner/:id", { schema: { params: RunPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await services.filing.archive(principal, runId(request.params.id));
    return {};
  });

  for (const verb of ["stop", "kill"] as const) {
    server.post(`/runs/:owner/:id/${verb}`, { schema: { params: RunPath } }, async (request) => {
      const { principal } = await ownerOf(services, request);
      await lifecycle.request(principal, runId(request.params.id), verb);
      return {};
    });
  }

  server.post(
    "/runs/:owner/:id/wait_status",
    { schema: { params: RunPath, body: Type.Object({ statuses: Type.Array(Type.String()) }) } },
    async (request, reply) => {
      const { principal } = await ownerOf(services, request);
      const id = runId(request.params.id);
      await lifecycle.get(principal, id);
      const { statuses } = request.body;
      const stream = openLineStream(reply);
      try {
        const verdict = await lifecycle.waitStatus({ principal, runId: id, statuses }, stream.signal);
        if (verdict?.reached) await stream.send({ success: true });
        else if (verdict !== undefined) await stream.send({ success: false, error: verdict.message });
      } catch (error) {
        await stream.send({ success: false, error: toHttpError(error).body.error });
      }
      stream.end();
      return reply;
    },
  );

  server.post(
    "/runs/:owner/:id/logs",
    {
      schema: {
        params: RunPath,
        body: Type.Object({ follow: Type.Optional(Type.Boolean()), offset: Type.Optional(Type.Integer()) }),
      },
    },
    async (request, reply) => {
      const { principal } = await ownerOf(services, request);
      const id = runId(request.params.id);
      await lifecycle.get(principal, id);
      const { follow = false, offset = 0 } = request.body;
      const stream = openLineStream(reply);
      try {
        for await (const part of logs.readLog({ runId: id, offset, follow, signal: stream.signal })) {
          const first = part.nextOffset - part.entries.length;
          for (const [index, entry] of part.entries.entries()) {
            await stream.send({ log_entry: wireLogEntry(entry), next_offset: first + index + 1 });
          }
          if (part.finished) await stream.send({ finished: true, next_offset: part.nextOffset });
        }
      } catch (error) {
        // The client reconnects by itself and goes on where it was.
        services.log.warn({ err: error, runId: id }, "log stream broke");
      }
      stream.end();
      return reply;
    },
  );
}
