/** HTTP: machine types. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import { DEFAULT_MACHINE_TYPE } from "@spell/domain";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import type { TypedServer } from "./typed.ts";

export function addOtherRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { store, sessions } = services;

  server.get(
    "/supported_options/:owner/machine_types",
    { schema: { params: Type.Object({ owner: Type.String() }) } },
    async (request) => {
      await ownerOf(services, request);
      return { options: { values: await sessions.machineTypes(store), default: DEFAULT_MACHINE_TYPE } };
    },
  );
}
