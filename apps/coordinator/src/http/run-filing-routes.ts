/** HTTP: what is done to many runs at once, and their labels. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import { forEachRun } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import { runId } from "./run-answer.ts";
import type { TypedServer } from "./typed.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const RunPath = Type.Object({ owner: Type.String(), id: Type.String() });
/** More at once is refused: each costs a write. */
const MAX_BATCH = 10_000;
const RunIds = Type.Object({ run_ids: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: MAX_BATCH }) });
const Name = Type.Object({ name: Type.String() });

/** Under which name an answer lists the runs that had ended before. */
const ENDED_KEY = { stop: "post_running_run_ids", kill: "final_state_run_ids" } as const;

export function addRunFilingRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { filing, lifecycle } = services;

  for (const verb of ["stop", "kill"] as const) {
    server.post(`/runs/:owner/${verb}_batch`, { schema: { params: OwnerPath, body: RunIds } }, async (request) => {
      const { principal } = await ownerOf(services, request);
      const { done, missing, refused } = await forEachRun(request.body.run_ids, (id) =>
        lifecycle.request(principal, id, verb),
      );
      return {
        successful_run_ids: done,
        failed_run_ids: refused.filter(({ code }) => code !== "conflict").map(({ id }) => id),
        non_existent_run_ids: missing,
        [ENDED_KEY[verb]]: refused.filter(({ code }) => code === "conflict").map(({ id }) => id),
      };
    });
  }

  server.post("/runs/:owner/archive_batch", { schema: { params: OwnerPath, body: RunIds } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const { done, missing, refused } = await forEachRun(request.body.run_ids, (id) => filing.archive(principal, id));
    return {
      successful_run_ids: done,
      failed_run_ids: refused.map(({ id }) => id),
      non_existent_run_ids: missing,
      warning_messages: refused.map(({ message }) => message),
    };
  });

  server.put("/runs/:owner/:id/add_label", { schema: { params: RunPath, body: Name } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await filing.addLabel(principal, runId(request.params.id), request.body.name);
    return {};
  });

  server.put("/runs/:owner/:id/remove_label", { schema: { params: RunPath, body: Name } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await filing.removeLabel(principal, runId(request.params.id), request.body.name);
    return {};
  });
}
