/** HTTP: runs. Thin over the same use cases as gRPC. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import { invalidInput } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { toHttpError } from "./errors.ts";
import { ownerOf } from "./owner.ts";
import { RunBody, toRunRequest } from "./run-body.ts";
import { openLineStream } from "./stream.ts";
import { wireLogEntry, wireRun } from "./wire.ts";
import type { TypedServer } from "./typed.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const RunPath = Type.Object({ owner: Type.String(), id: Type.String() });

export function addRunRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { lifecycle, create, logs } = services;

  server.post("/runs/:owner", { schema: { params: OwnerPath, body: RunBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const clientKey = String(request.headers["idempotency-key"] ?? "");
    const { run, existed } = await create.run(principal, toRunRequest(request.body), clientKey);
    if (!existed) lifecycle.created(run);
    return { run: await withCreator(services, run), already_existed: false };
  });

  server.get(
    "/runs/:owner",
    {
      schema: {
        params: OwnerPath,
        querystring: Type.Object({ page_size: Type.Optional(Type.String({ pattern: "^[0-9]{1,9}$" })) }),
      },
    },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      const runs = await lifecycle.list(principal, { pageSize: Number(request.query.page_size ?? 0) });
      return { runs: await Promise.all(runs.map((run) => withCreator(services, run))) };
    },
  );

  server.get("/runs/:owner/:id", { schema: { params: RunPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { run: await withCreator(services, await lifecycle.get(principal, runId(request.params.id))) };
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

async function withCreator(services: Services, run: RunRecord): Promise<Record<string, unknown>> {
  const user = await services.store.findUser(run.owner);
  return wireRun(run, user ?? { name: run.owner, email: "", createdAtMs: run.createdAtMs });
}

function runId(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw invalidInput(`"${text}" is not a run id.`, "bad-run-id");
  return Number(text);
}
