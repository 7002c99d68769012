/** HTTP: uploads ("datasets" to old clients), and their files by the resumable protocol tus 1.0.0, as far as the clients speak it. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance, FastifyReply } from "fastify";
import { SpellError, invalidInput } from "@spell/domain";
import type { UploadRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { callerOf, ownerOf } from "./owner.ts";
import { parseUploadMetadata, whileMoving, wholeNumber } from "./tus.ts";
import type { TypedServer } from "./typed.ts";
import { wireTime } from "./wire.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const UploadPath = Type.Object({ owner: Type.String(), id: Type.String() });
const FilePath = Type.Object({ number: Type.String() });
const UploadBody = Type.Object({
  name: Type.String(),
  cluster_name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  compressed: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
});

const TUS = { "tus-resumable": "1.0.0" };
const OFFSET_BYTES = "application/offset+octet-stream";

export function addUploadRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { uploads } = services;
  // Bytes go to disk as they come; what a file may have was declared before.
  server.addContentTypeParser(OFFSET_BYTES, (_request, payload, done) => done(null, payload));

  server.post("/datasets/:owner", { schema: { params: OwnerPath, body: UploadBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const { name, cluster_name: cluster, compressed } = request.body;
    if (cluster) throw invalidInput("This version of Spell does not offer clusters (cluster_name).", "not-offered");
    return { user_dataset: wireUpload(await uploads.begin(principal, { name, compressed: compressed ?? false })) };
  });

  server.get("/datasets/:owner", { schema: { params: OwnerPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { user_datasets: (await uploads.list(principal)).map(wireUpload) };
  });

  server.delete(
    "/datasets/:owner",
    { schema: { params: OwnerPath, body: Type.Object({ name: Type.String() }) } },
    async (request) => {
      const { principal } = await ownerOf(services, request);
      await uploads.remove(principal, request.body.name);
      return {};
    },
  );

  server.post("/datasets/:owner/:id/upload_complete", { schema: { params: UploadPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const uploadId = wholeNumber("The id of an upload", request.params.id);
    return { user_dataset: wireUpload(await uploads.complete(principal, uploadId)) };
  });

  server.options("/datasets/upload", (_request, reply) =>
    reply
      .code(204)
      .headers({ ...TUS, "tus-version": "1.0.0", "tus-extension": "creation" })
      .send(),
  );

  server.post("/datasets/upload", async (request, reply) => {
    const principal = await callerOf(services, request);
    if (request.headers["upload-defer-length"] !== undefined) {
      throw invalidInput("The length of a file must be known when it is begun (upload-length).", "not-offered");
    }
    const sizeBytes = wholeNumber("upload-length", request.headers["upload-length"]);
    const { uploadId, path } = parseUploadMetadata(request.headers["upload-metadata"]);
    const { number } = await uploads.addFile(principal, { uploadId, path, sizeBytes });
    // Relative to this URL, so that it is right behind whatever proxy.
    return reply
      .code(201)
      .headers({ ...TUS, location: `upload/${number}` })
      .send();
  });

  server.head("/datasets/upload/:number", { schema: { params: FilePath } }, async (request, reply) => {
    const principal = await callerOf(services, request);
    const number = wholeNumber("The number of a file", request.params.number);
    const { file, receivedBytes } = await uploads.findFile(principal, number);
    return reply
      .headers({ ...TUS, "upload-offset": receivedBytes, "upload-length": file.sizeBytes, "cache-control": "no-store" })
      .send();
  });

  server.patch("/datasets/upload/:number", { schema: { params: FilePath } }, async (request, reply) => {
    const principal = await callerOf(services, request);
    const number = wholeNumber("The number of a file", request.params.number);
    const offset = wholeNumber("upload-offset", request.headers["upload-offset"]);
    if (!request.headers["content-type"]?.startsWith(OFFSET_BYTES)) {
      throw invalidInput(`Send the bytes of a file as ${OFFSET_BYTES}.`, "bad-content-type");
    }
    try {
      const received = await uploads.append(principal, { number, offset, bytes: whileMoving(request.raw) });
      return await reply
        .code(204)
        .headers({ ...TUS, "upload-offset": received })
        .send();
    } catch (error) {
      // What was left unread would stand before the next request.
      request.raw.resume();
      return refusePatch(reply, error);
    }
  });
}

/** The protocol has a status of its own for a file that somebody else is sending. */
function refusePatch(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof SpellError) || error.reason !== "locked") throw error;
  return reply.code(423).send({ status: "error", error: error.message, code: error.reason });
}

function wireUpload(upload: UploadRecord): Record<string, unknown> {
  return {
    id: upload.id,
    name: upload.name,
    status: upload.tree === undefined ? "uploading" : "complete",
    created_at: wireTime(upload.createdAtMs),
    updated_at: wireTime(upload.changedAtMs),
  };
}
