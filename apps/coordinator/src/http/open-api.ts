/**
 * The document at /v1/openapi.json. Requests are described by the very schemas that check them; answers by those of
 * answers.ts, which change no answer: a field is never left out because a schema does not know it.
 */
import swagger from "@fastify/swagger";
import type { FastifyInstance, RouteOptions } from "fastify";
import { Refusal } from "./answer-schemas.ts";
import { ANSWERS } from "./answers.ts";

/** To be called before the routes are added. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.addHook("onRoute", describeAnswer);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Spell",
        description: "Runs, workflows and what belongs to them. Errors are objects of `status`, `error` and `code`.",
        version: "1",
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
  });
}

/** To be called among the routes of /v1. */
export function addOpenApiRoute(api: FastifyInstance): void {
  api.get("/openapi.json", { schema: { hide: true } }, () => api.swagger());
}

function describeAnswer(route: RouteOptions): void {
  const answer = ANSWERS[`${String(route.method)} ${route.url}`];
  if (answer === undefined) return;
  const { schema, stream, status = 200 } = answer;
  const description = stream ? "lines, each a JSON object of this schema" : "the answer";
  route.schema = {
    ...route.schema,
    tags: [route.url.split("/")[2] ?? ""],
    response: { [status]: { ...schema, description }, default: { ...Refusal, description: "a refusal" } },
  };
}
