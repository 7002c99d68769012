/** HTTP: models and their versions. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import type { ModelVersion } from "@spell/run-lifecycle";
import type { ModelRecord, UserRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import type { TypedServer } from "./typed.ts";
import { wireTime, wireUser } from "./wire.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const ModelPath = Type.Object({ owner: Type.String(), name: Type.String() });
const VersionPath = Type.Object({ owner: Type.String(), name: Type.String(), version: Type.String() });
const text = () => Type.Optional(Type.Union([Type.String(), Type.Null()]));
const ModelBody = Type.Object({
  name: Type.String(),
  version: text(),
  resource: Type.String(),
  files: Type.Optional(
    Type.Union([Type.Array(Type.Object({ resource_path: Type.String(), destination_path: text() })), Type.Null()]),
  ),
  description: text(),
});

export function addModelRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { models } = services;

  server.post("/model/:owner", { schema: { params: OwnerPath, body: ModelBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const { name, version, resource, files, description } = request.body;
    const made = await models.add(principal, {
      ...{ name, resource, version: version ?? "", description: description ?? "" },
      files: (files ?? []).map((file) => ({
        resourcePath: file.resource_path,
        destinationPath: file.destination_path ?? "",
      })),
    });
    return { model_version: wireVersion(made, await creatorOf(services, made.model)) };
  });

  server.get("/model/:owner", { schema: { params: OwnerPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const found = await models.list(principal);
    return {
      models: await Promise.all(found.map(async (model) => wireModel(model, await creatorOf(services, model)))),
    };
  });

  server.get("/model/:owner/:name", { schema: { params: ModelPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const model = await models.get(principal, request.params.name);
    return { model: wireModel(model, await creatorOf(services, model)) };
  });

  server.delete("/model/:owner/:name", { schema: { params: ModelPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await models.remove(principal, request.params.name);
    return {};
  });

  const versionRoute = "/model/:owner/:name/version/:version";
  server.get(versionRoute, { schema: { params: VersionPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const found = await models.getVersion(principal, request.params.name, request.params.version);
    return { model_version: wireVersion(found, await creatorOf(services, found.model)) };
  });

  server.put(
    versionRoute,
    { schema: { params: VersionPath, body: Type.Object({ description: Type.String() }) } },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      await models.describe(principal, request.params, request.body.description);
      const found = await models.getVersion(principal, request.params.name, request.params.version);
      return { model_version: wireVersion(found, await creatorOf(services, found.model)) };
    },
  );

  server.delete(versionRoute, { schema: { params: VersionPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await models.remove(principal, request.params.name, request.params.version);
    return {};
  });
}

async function creatorOf({ store }: Services, model: ModelRecord): Promise<UserRecord> {
  return (await store.findUser(model.owner)) ?? { name: model.owner, email: "", createdAtMs: model.createdAtMs };
}

function wireModel(model: ModelRecord, creator: UserRecord): Record<string, unknown> {
  return {
    id: model.id,
    name: model.name,
    creator: wireUser(creator),
    created_at: wireTime(model.createdAtMs),
    model_versions: model.versions.map((version) => wireVersion({ model, version }, creator)),
  };
}

/** The items of `files` may have these keys alone: clients crash on others. */
function wireVersion({ model, version }: ModelVersion, creator: UserRecord): Record<string, unknown> {
  return {
    id: version.id,
    version: version.version,
    formatted_version: version.version,
    model_id: model.id,
    model_name: model.name,
    description: version.description,
    creator: wireUser(creator),
    created_at: wireTime(version.createdAtMs),
    resource: version.resource,
    files: version.files.map((file) => ({
      resource_path: file.resourcePath,
      destination_path: file.destinationPath === "" ? null : file.destinationPath,
    })),
  };
}
