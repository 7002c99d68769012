/** What is served by HTTP: the /v1 JSON API, the embedded object store's signed URLs, health. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { fastify } from "fastify";
import type { FastifyReply } from "fastify";
import type { GitHandler } from "../git/git-handler.ts";
import type { Services } from "../services.ts";
import { addAccountRoutes } from "./account-routes.ts";
import { toHttpError } from "./errors.ts";
import type { RequestHandler } from "./http-front.ts";
import { sendRefusal } from "./http-front.ts";
import { addKeyRoutes } from "./key-routes.ts";
import { addProjectRoutes } from "./project-routes.ts";
import { notOffered } from "./not-offered.ts";
import { addMetricRoutes } from "./metric-routes.ts";
import { addStatsRoutes } from "./stats-routes.ts";
import { addLinkRoutes } from "./link-routes.ts";
import { addModelRoutes } from "./model-routes.ts";
import { addHyperRoutes } from "./hyper-routes.ts";
import { addOpenApiRoute, describeApi } from "./open-api.ts";
import { addOtherRoutes } from "./other-routes.ts";
import { addResourceRoutes } from "./resource-routes.ts";
import { addUploadRoutes } from "./upload-routes.ts";
import { addRunFilingRoutes } from "./run-filing-routes.ts";
import { addRunRoutes } from "./run-routes.ts";
import { addWorkflowRoutes } from "./workflow-routes.ts";
import { addWorkspaceRoutes } from "./workspace-routes.ts";

/** Bodies of the JSON API are small; bytes go to the object store. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** What is answered whoever leads. */
const HEALTH = new Set(["/healthz", "/readyz"]);

export interface HttpApi {
  handle: RequestHandler;
  /** Ends what is under way; idempotent. */
  close(): Promise<void>;
}

export type StoreHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Builds it. `store`: serves /store/ when objects are embedded. `git`: serves /git/. */
export async function createHttpApi(
  services: Services,
  options: { store?: StoreHandler; git?: GitHandler; ready(): boolean },
): Promise<HttpApi> {
  const handlerFor = (url: string): StoreHandler | undefined => {
    if (url.startsWith("/store/")) return options.store;
    return url.startsWith("/git/") ? options.git : undefined;
  };
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    // A value of a wrong type is a mistake that the client must hear of; null is not 0 and not "".
    ajv: { customOptions: { coerceTypes: false, allowUnionTypes: true } },
    frameworkErrors: (error, _request, reply) => {
      const { status, body } = toHttpError(error);
      void (reply as FastifyReply).code(status).send(body);
    },
    // The port is opened by somebody else, and before.
    serverFactory: () => createServer(),
  });
  app.setErrorHandler((error, _request, reply) => {
    const { status, body, hidden } = toHttpError(error);
    if (hidden !== undefined) services.log.error({ err: hidden }, "request failed");
    return reply.code(status).header("spell-reason", body.code).send(body);
  });
  app.setNotFoundHandler((request, reply) => reply.code(404).send(notOffered(request.method, request.url)));
  app.get("/healthz", () => ({ status: "ok" }));
  app.get("/readyz", (_request, reply) =>
    options.ready() ? { status: "ok" } : reply.code(503).send({ status: "starting" }),
  );
  await describeApi(app);
  await app.register(
    (api, _options, done) => {
      // Stop and kill come as POST without a body but may still name a content type.
      api.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, parsed) => {
        if (body === "") parsed(null, undefined);
        else void api.getDefaultJsonParser("error", "ignore")(_request, body as string, parsed);
      });
      addAccountRoutes(api, services);
      addKeyRoutes(api, services);
      addProjectRoutes(api, services);
      addRunRoutes(api, services);
      addRunFilingRoutes(api, services);
      addWorkflowRoutes(api, services);
      addWorkspaceRoutes(api, services);
      addMetricRoutes(api, services);
      addStatsRoutes(api, services);
      addHyperRoutes(api, services);
      addOtherRoutes(api, services);
      addResourceRoutes(api, services);
      addLinkRoutes(api, services);
      addModelRoutes(api, services);
      addUploadRoutes(api, services);
      addOpenApiRoute(api);
      done();
    },
    { prefix: "/v1" },
  );
  await app.ready();
  return {
    handle: (request, response) => {
      const url = request.url ?? "";
      const serve = handlerFor(url);
      try {
        if (!HEALTH.has(url)) services.lead.require();
      } catch (error) {
        request.resume();
        return sendRefusal(response, error);
      }
      // Bytes of the store and of git stream straight to disk: they must not pass the JSON API's body parser, and may take their time.
      if (serve === undefined) return app.routing(request, response);
      serve(request, response).catch((error: unknown) => {
        services.log.error({ err: error }, "store or git request failed");
        response.destroy();
      });
    },
    close: () => app.close(),
  };
}
