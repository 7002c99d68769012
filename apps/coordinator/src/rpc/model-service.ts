/** gRPC: models and their versions. */
import type { Model, ModelServiceServer, ModelVersion } from "@spell/rpc";
import type { ModelRecord, ModelVersionRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { unary } from "./handler.ts";

export function createModelService(services: Services): ModelServiceServer {
  const { models } = services;
  return {
    createModelVersion: unary(services, async (request, { principal }) => {
      const { model, version } = await models.add(principal, request);
      return { model: toModel(model), version: toVersion(version) };
    }),
    listModels: unary(services, async (_request, { principal }) => ({
      models: (await models.list(principal)).map(toModel),
    })),
    getModel: unary(services, async (request, { principal }) => ({
      model: toModel(await models.get(principal, request.name)),
    })),
    updateModelVersion: unary(services, async (request, { principal }) => {
      const { name, version, description } = request;
      await models.describe(principal, { name, version }, description);
      return { version: toVersion((await models.getVersion(principal, name, version)).version) };
    }),
    deleteModel: unary(services, async ({ name, version }, { principal }) => {
      await models.remove(principal, name, version === "" ? undefined : version);
      return {};
    }),
  };
}

function toModel({ name, owner, createdAtMs, versions }: ModelRecord): Model {
  return { name, owner, createdAtMs, versions: versions.map(toVersion) };
}

function toVersion({ version, resource, files, description, createdAtMs }: ModelVersionRecord): ModelVersion {
  return { version, resource, files, description, createdAtMs };
}
