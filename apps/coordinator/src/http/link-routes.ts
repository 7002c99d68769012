/** HTTP: links. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import type { TypedServer } from "./typed.ts";
import { wireLink } from "./wire-link.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const LinkPath = Type.Object({ owner: Type.String(), alias: Type.String() });
const LinkBody = Type.Object({ alias: Type.String(), resource_path: Type.String() });

export function addLinkRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { links } = services;

  server.post("/links/:owner", { schema: { params: OwnerPath, body: LinkBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const { alias, resource_path: resourcePath } = request.body;
    return { resource_link: wireLink(await links.add(principal, alias, resourcePath)) };
  });

  server.get("/links/:owner", { schema: { params: OwnerPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { resource_links: (await links.list(principal)).map(wireLink) };
  });

  // Clients ask this way whether there is one: that there is none is an answer, not an error.
  server.get("/links/:owner/:alias", { schema: { params: LinkPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const link = await links.find(principal, request.params.alias);
    return { resource_link: link === undefined ? {} : wireLink(link) };
  });

  server.delete("/links/:owner/:alias", { schema: { params: LinkPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await links.remove(principal, request.params.alias);
    return {};
  });
}
