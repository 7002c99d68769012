/** gRPC: resources, uploads, links. Parse, one call into a use case, map the result. */
import type {
  Link,
  LinkServiceServer,
  ListResourcesResponse,
  ReadResourceResponse,
  ResourceEntry,
  ResourceServiceServer,
  Upload,
  UploadServiceServer,
} from "@spell/rpc";
import type { ResourceContent, ResourceLine } from "@spell/run-lifecycle";
import type { CompleteUpload, LinkRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { toDigest } from "./convert.ts";
import { serverStream, unary } from "./handler.ts";

/** A message stays small. */
const LINES_PER_MESSAGE = 1_000;

export function createResourceService(services: Services): ResourceServiceServer {
  const { resources, trees } = services;
  return {
    listResources: serverStream(
      services,
      async function* (request, { principal }): AsyncGenerator<ListResourcesResponse> {
        const { value, link } = await resources.list(principal, request.path);
        if (link !== undefined) yield { lines: [], link: toLink(link) };
        let lines: ListResourcesResponse["lines"] = [];
        for await (const line of value) {
          lines.push(toLine(line));
          if (lines.length < LINES_PER_MESSAGE) continue;
          yield { lines, link: undefined };
          lines = [];
        }
        yield { lines, link: undefined };
      },
    ),
    readResource: serverStream(
      services,
      async function* (request, { principal }): AsyncGenerator<ReadResourceResponse> {
        const { value } = await resources.content(principal, request.path);
        yield { entry: toEntry(value), nodes: [], objects: [] };
        if (value.kind === "file")
          yield { entry: undefined, nodes: [], objects: await trees.sources([value.file.digest]) };
        if (value.kind !== "directory") return;
        for await (const { nodes, objects } of trees.read(value.digest)) {
          yield { entry: undefined, nodes: nodes.map((node) => Buffer.from(node)), objects };
        }
      },
    ),
  };
}

export function createUploadService(services: Services): UploadServiceServer {
  const { uploads } = services;
  return {
    createUpload: unary(services, async ({ name, tree }, { principal }) => ({
      upload: toUpload(await uploads.add(principal, { name, tree: toDigest(tree) })),
    })),
    listUploads: unary(services, async (_request, { principal }) => ({
      uploads: (await uploads.list(principal)).map(toUpload),
    })),
    deleteUpload: unary(services, async (request, { principal }) => {
      await uploads.remove(principal, request.name);
      return {};
    }),
  };
}

export function createLinkService(services: Services): LinkServiceServer {
  const { links } = services;
  return {
    createLink: unary(services, async (request, { principal }) => ({
      link: toLink(await links.add(principal, request.alias, request.resourcePath)),
    })),
    listLinks: unary(services, async (_request, { principal }) => ({
      links: (await links.list(principal)).map(toLink),
    })),
    deleteLink: unary(services, async (request, { principal }) => {
      await links.remove(principal, request.alias);
      return {};
    }),
  };
}

function toLink({ alias, resourcePath, createdAtMs }: LinkRecord): Link {
  return { alias, resourcePath, createdAtMs };
}

function toLine({ name, sizeBytes, madeAtMs, linkTarget }: ResourceLine): ListResourcesResponse["lines"][0] {
  return { name, sizeBytes, madeAtMs: madeAtMs ?? 0, linkTarget: linkTarget ?? "" };
}

function toUpload({ name, tree, fileCount, sizeBytes, createdAtMs }: CompleteUpload): Upload {
  return { name, tree, fileCount, sizeBytes, createdAtMs };
}

function toEntry(content: ResourceContent): ResourceEntry {
  const none = { name: "", digest: "", isFile: false, sizeBytes: 0, executable: false };
  if (content.kind === "empty") return none;
  if (content.kind === "directory") return { ...none, digest: content.digest };
  const { name, digest, sizeBytes, executable } = content.file;
  return { name, digest, isFile: true, sizeBytes, executable };
}
