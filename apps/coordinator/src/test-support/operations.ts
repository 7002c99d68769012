/** The routes of an OpenAPI document, each with the schemas of its request and of its answer. */
import type { JsonSchema } from "./from-schema.ts";

export interface Operation {
  /** `METHOD path`, parameters written as `:name`. */
  name: string;
  method: string;
  path: string;
  body: JsonSchema | undefined;
  query: readonly { name: string; schema: JsonSchema }[];
  answer: JsonSchema | undefined;
}

interface Content {
  content?: Record<string, { schema?: JsonSchema }>;
}

interface Described {
  parameters?: readonly { in: string; name: string; schema: JsonSchema }[];
  requestBody?: Content;
  responses?: Record<string, Content>;
}

export function operationsIn(document: Record<string, unknown>): Operation[] {
  const paths = document["paths"] as Record<string, Record<string, Described>>;
  return Object.entries(paths)
    .filter(([path]) => path.startsWith("/v1/"))
    .flatMap(([written, methods]) => {
      const path = written.replace(/\{(\w+)\}/g, ":$1").replace("{*}", "*");
      return Object.entries(methods).map(([method, described]): Operation => {
        const queries = (described.parameters ?? []).filter((each) => each.in === "query");
        return {
          ...{ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path },
          body: schemaOf(described.requestBody),
          query: queries.map(({ name, schema }) => ({ name, schema })),
          answer: schemaOf(successOf(described)),
        };
      });
    });
}

function successOf({ responses = {} }: Described): Content | undefined {
  return Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1];
}

function schemaOf(content: Content | undefined): JsonSchema | undefined {
  return Object.values(content?.content ?? {})[0]?.schema;
}
