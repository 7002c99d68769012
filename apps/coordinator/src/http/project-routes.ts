/** HTTP: projects. */
import { Type } from "@sinclair/typebox";
import type { ProjectRecord } from "@spell/run-store";
import type { FastifyInstance } from "fastify";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import { idOf, optional } from "./schema.ts";
import type { TypedServer } from "./typed.ts";
import { wireProject } from "./wire.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const ProjectPath = Type.Object({ owner: Type.String(), id: Type.String() });
const RunIds = Type.Array(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), { maxItems: 10_000 });
const Flag = Type.Optional(Type.String({ pattern: "^([Tt]rue|[Ff]alse)$" }));

export function addProjectRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { projects } = services;
  const idOfProject = (text: string): number => idOf("a project", text);
  const answer = async (project: ProjectRecord): Promise<Record<string, unknown>> => {
    const creator = await services.store.findUser(project.owner);
    return wireProject(project, creator ?? { name: project.owner, email: "", createdAtMs: project.createdAtMs });
  };

  server.post(
    "/projects/:owner",
    {
      schema: {
        params: OwnerPath,
        body: Type.Object({
          name: Type.String(),
          description: optional(Type.String()),
          run_ids: optional(RunIds),
        }),
      },
    },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      const { name, description, run_ids: runIds } = request.body;
      const project = { name, description: description ?? "", runIds: runIds ?? [] };
      return { spell_project: await answer(await projects.create(principal, project)) };
    },
  );

  server.get(
    "/projects/:owner",
    { schema: { params: OwnerPath, querystring: Type.Object({ archived: Flag }) } },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      const found = await projects.list(principal, request.query.archived?.toLowerCase() === "true");
      return { spell_projects: await Promise.all(found.map(answer)) };
    },
  );

  server.get("/projects/:owner/:id", { schema: { params: ProjectPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { spell_project: await answer(await projects.get(principal, idOfProject(request.params.id))) };
  });

  server.patch(
    "/projects/:owner/:id",
    {
      schema: {
        params: ProjectPath,
        body: Type.Object({ name: optional(Type.String()), description: optional(Type.String()) }),
      },
    },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      const { name, description } = request.body;
      const change = { name: name ?? undefined, description: description ?? undefined };
      return { spell_project: await answer(await projects.edit(principal, idOfProject(request.params.id), change)) };
    },
  );

  server.delete("/projects/:owner/:id", { schema: { params: ProjectPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { spell_project: await answer(await projects.archive(principal, idOfProject(request.params.id))) };
  });

  server.post(
    "/projects/:owner/unarchive",
    { schema: { params: OwnerPath, body: Type.Object({ project_id: Type.Integer() }) } },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      return { spell_project: await answer(await projects.unarchive(principal, request.body.project_id)) };
    },
  );

  const runsOfProject = { schema: { params: ProjectPath, body: Type.Object({ run_ids: RunIds }) } };

  server.post("/projects/:owner/:id/runs", runsOfProject, async (request) => {
    const { principal } = await ownerOf(services, request);
    await projects.addRuns(principal, idOfProject(request.params.id), request.body.run_ids);
    return {};
  });

  server.delete("/projects/:owner/:id/runs", runsOfProject, async (request) => {
    const { principal } = await ownerOf(services, request);
    await projects.removeRuns(principal, idOfProject(request.params.id), request.body.run_ids);
    return {};
  });
}
