/** HTTP: hyper-parameter searches. Thin over the same use cases as gRPC. */
import { Readable } from "node:stream";
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import { invalidInput, notFound } from "@spell/domain";
import type { SearchInProgress, SearchWithRuns } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { HyperBody, toSearchSpec } from "./hyper-body.ts";
import { wireMetric, wireSearch } from "./hyper-wire.ts";
import { ownerOf } from "./owner.ts";
import { toRunRequest } from "./run-body.ts";
import type { TypedServer } from "./typed.ts";
import { wireRun, wireUser } from "./wire.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const SearchPath = Type.Object({ owner: Type.String(), id: Type.String() });
const MetricPath = Type.Object({ owner: Type.String(), id: Type.String(), name: Type.String() });

export function addHyperRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { hyper } = services;
  const base = "/runs/:owner/hyper_search";

  const withCreator = async (found: SearchInProgress & Partial<SearchWithRuns>): Promise<Record<string, unknown>> => {
    const { owner } = found.search;
    const creator = await services.store.findUser(owner);
    if (creator === undefined) throw notFound(`There is no user ${owner}.`);
    const runs = found.runs?.map((run) => wireRun(run, creator, services.now()));
    return { ...wireSearch(found), creator: wireUser(creator), ...(runs && { runs }) };
  };

  server.post(base, { schema: { params: OwnerPath, body: HyperBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const clientKey = String(request.headers["idempotency-key"] ?? "");
    const asked = { spec: toSearchSpec(request.body), run: toRunRequest(request.body.run) };
    return { hyper_search: await withCreator(await hyper.create(principal, asked, clientKey)) };
  });

  server.get(base, { schema: { params: OwnerPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { hyper_searches: await Promise.all((await hyper.list(principal)).map(withCreator)) };
  });

  server.get(`${base}/:id`, { schema: { params: SearchPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { hyper_search: await withCreator(await hyper.get(principal, searchId(request.params.id))) };
  });

  server.delete(`${base}/:id`, { schema: { params: SearchPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await hyper.archive(principal, searchId(request.params.id));
    return {};
  });

  for (const verb of ["stop", "kill"] as const) {
    server.post(`${base}/:id/${verb}`, { schema: { params: SearchPath } }, async (request) => {
      const { principal } = await ownerOf(services, request);
      await hyper.request(principal, searchId(request.params.id), verb);
      return {};
    });
  }

  server.get(`${base}/:id/metric-names`, { schema: { params: SearchPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const names = await hyper.metricNames(principal, searchId(request.params.id));
    return { metric_names: names.map((name) => ({ name })) };
  });

  server.get(`${base}/:id/metrics/:name`, { schema: { params: MetricPath } }, async (request, reply) => {
    const { principal } = await ownerOf(services, request);
    const id = searchId(request.params.id);
    // A refusal comes before the first byte; later there is no way to tell.
    await hyper.get(principal, id);
    const parts = hyper.metric(principal, id, request.params.name);
    return reply.type("application/json").send(Readable.from(wireMetric(parts)));
  });
}

function searchId(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw invalidInput(`"${text}" is not the number of a hyper-parameter search.`, "bad-search-id");
  }
  return Number(text);
}
