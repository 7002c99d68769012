/** HTTP: lists and copies of resources. */
import { Readable } from "node:stream";
import { Type } from "@sinclair/typebox";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ResourceLine } from "@spell/run-lifecycle";
import { packCopy } from "@spell/run-lifecycle";
import type { LinkRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import type { TypedServer } from "./typed.ts";
import { wireLine, wireTime } from "./wire.ts";
import { wireLink } from "./wire-link.ts";

const ResourceRoute = Type.Object({ owner: Type.String(), "*": Type.String() });

export function addResourceRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { resources, trees } = services;

  server.get("/resources/:owner/ls/*", { schema: { params: ResourceRoute } }, async (request, reply) => {
    const { principal } = await ownerOf(services, request);
    const { value, link } = await resources.list(principal, request.params["*"]);
    return tellLink(reply, link)
      .type("application/x-ndjson")
      .send(Readable.from(linesOf(value)));
  });

  server.get("/resources/:owner/cp/*", { schema: { params: ResourceRoute } }, async (request, reply) => {
    const { principal } = await ownerOf(services, request);
    const { value, link } = await resources.copy(principal, request.params["*"]);
    return tellLink(reply, link).type("application/x-tar").send(packCopy(trees, value));
  });
}

async function* linesOf(lines: AsyncIterable<ResourceLine>): AsyncGenerator<string> {
  for await (const { name, sizeBytes, madeAtMs, linkTarget } of lines) {
    yield wireLine({
      path: name,
      size: sizeBytes ?? null,
      date: madeAtMs === undefined ? null : wireTime(madeAtMs),
      additional_info: null,
      link_target: linkTarget ?? null,
    });
  }
}

/** That the path went through a link, where old clients look for it. */
function tellLink(reply: FastifyReply, link: LinkRecord | undefined): FastifyReply {
  return link === undefined
    ? reply
    : reply.header("Resource-Link", wireLine({ resource_link: wireLink(link) }).trimEnd());
}
