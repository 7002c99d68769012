/** Every route of the API with whatever its schema allows, and with what it does not. One coordinator gets all of it. */
import { Value } from "@sinclair/typebox/value";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, newRun, send } from "../test-support/api.ts";
import { nearSchema } from "../test-support/from-schema.ts";
import type { Operation } from "../test-support/operations.ts";
import { operationsIn } from "../test-support/operations.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";
import { Refusal } from "./answer-schemas.ts";
import { ANSWERS } from "./answers.ts";

/** What only Bob's things contain. */
const SECRET = "what-bob-keeps-to-himself";
const REQUESTS_PER_ROUTE = 25;
/** A stream of a run that waits never ends by itself. Counted from its head, which a busy machine may be slow to send. */
const STREAM_PATIENCE_MS = 150;

let world: World;
let operations: Operation[];
beforeAll(async () => {
  world = await openWorld();
  operations = operationsIn((await ask(world, "openapi.json")).body);
  await bobsThings();
  for (const command of ["true", "sleep 1"]) await newRun(world, { command, labels: ["a"] });
});
afterAll(() => world[Symbol.asyncDispose]());

async function bobsThings(): Promise<void> {
  const body = { command: SECRET, description: SECRET, labels: [SECRET], environment_vars: { A: SECRET } };
  await ask(world, "runs/bob", { body, token: world.bob });
  await ask(world, "users/me/access_tokens", { body: { name: SECRET }, token: world.bob });
  await ask(world, "projects/bob", { body: { name: SECRET, description: SECRET }, token: world.bob });
  await ask(world, "datasets/bob", { body: { name: SECRET }, token: world.bob });
  const run = { command: `${SECRET} :x:` };
  await ask(world, "runs/bob/hyper_search", { body: { grid_params: { x: { values: [1] } }, run }, token: world.bob });
}

/** Bodies that are accepted; what is made up lies on top of them, half of the time. */
const ACCEPTED: Readonly<Record<string, object>> = {
  "POST /v1/runs/:owner": { command: "echo :x:", params: { x: "1" }, gpu: "CPU" },
  "POST /v1/workflows/:owner": { run: { command: "python flow.py" }, workspace_specs: {}, github_specs: {} },
  "PUT /v1/workspaces/:owner": { root_commit: "0123456789".repeat(4), name: "code", description: "" },
  "POST /v1/projects/:owner": { name: "a", description: "b" },
  "POST /v1/runs/:owner/hyper_search": { grid_params: { x: { values: [1, 2] } }, run: { command: "echo :x:" } },
  "POST /v1/runs/:owner/:id/user-metrics": { metrics: [{ name: "a", offset: null }], follow: false },
  "POST /v1/runs/:owner/:id/stats": { follow: false },
  "POST /v1/datasets/:owner": { name: "a", compressed: false },
  "POST /v1/links/:owner": { alias: "a", resource_path: "uploads/a" },
  "POST /v1/keys": {
    title: "a",
    key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0 a@example.org\n",
  },
};

/** Paths of Ann's own, of nobody's, and of Bob's. */
const segment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("1", "2", "3", "4", "a", "x") },
  { weight: 3, arbitrary: fc.constantFrom("0", "99", "-1", "1e3", "%00", "%2e%2e", "a%2Fb", "é", "9".repeat(20)) },
  { weight: 1, arbitrary: fc.string({ maxLength: 5 }).map(encodeURIComponent) },
);

function requestTo(operation: Operation): fc.Arbitrary<{ path: string; body: unknown }> {
  const names = [...operation.path.matchAll(/:(\w+)|\*/g)].map(([, name]) => name ?? "*");
  const owner = fc.constantFrom(...new Array<string>(8).fill("ann"), "bob", "nobody");
  const segments = fc.tuple(...names.map((name) => (name === "owner" ? owner : segment)));
  const query = nearSchema({
    type: "object",
    properties: Object.fromEntries(operation.query.map(({ name, schema }) => [name, schema])),
  }).map((made) => (made ?? {}) as Record<string, unknown>);
  const accepted = ACCEPTED[operation.name] ?? {};
  const free = operation.body === undefined ? fc.constant(undefined) : nearSchema(operation.body);
  const body = fc.oneof(
    free,
    free.map((made) => (isObject(made) ? { ...accepted, ...made } : made)),
  );
  return fc.record({ segments, query, body }).map((made) => ({
    path: withQuery(fill(operation.path, made.segments), made.query),
    body: made.body,
  }));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fill(path: string, segments: readonly string[]): string {
  const rest = [...segments];
  return path.replace("/v1/", "").replace(/:\w+|\*/g, () => rest.shift() ?? "");
}

function withQuery(path: string, query: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) parameters.append(name, String(each).toWellFormed());
  }
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}

async function answerTo(operation: Operation, { path, body }: { path: string; body: unknown }) {
  const { stream } = ANSWERS[operation.name] ?? {};
  const leave = new AbortController();
  const response = await send(world, path, { method: operation.method, body, signal: leave.signal });
  const timer = stream ? setTimeout(() => leave.abort(), STREAM_PATIENCE_MS) : undefined;
  let text = "";
  try {
    for await (const part of response.body ?? []) text += Buffer.from(part as Uint8Array).toString();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  } finally {
    clearTimeout(timer);
  }
  return { status: response.status, type: response.headers.get("content-type") ?? "", text };
}

function expectDescribed(
  operation: Operation,
  { status, type, text }: { status: number; type: string; text: string },
): void {
  expect(status, text).toBeLessThan(500);
  expect(text).not.toContain(SECRET);
  if (status >= 400) {
    expect([...Value.Errors(Refusal, JSON.parse(text))], text).toEqual([]);
    return;
  }
  const answer = ANSWERS[operation.name];
  if (answer === undefined || !/^application\/(x-nd)?json/.test(type)) return;
  const values = answer.stream ? text.split("\n").slice(0, -1) : [text];
  for (const value of values) expect([...Value.Errors(answer.schema, JSON.parse(value))], value).toEqual([]);
}

describe("each route", () => {
  it("answers as described, whatever is asked, and never tells one user of another", { timeout: 240_000 }, async () => {
    for (const operation of operations) {
      await fc
        .assert(
          fc.asyncProperty(requestTo(operation), async (request) => {
            expectDescribed(operation, await answerTo(operation, request));
          }),
          { numRuns: REQUESTS_PER_ROUTE, endOnFailure: true },
        )
        .catch((error: unknown) => {
          throw new Error(`${operation.name}: ${String(error)}`, { cause: error });
        });
    }
    expect(world.errors).toEqual([]);
    expect((await ask(world, "users/me")).status).toBe(200);
  });

  it("lets nobody in who has no token, and nobody at another's things", async () => {
    for (const { name, method, path, body: schema } of operations.filter(({ path }) => path.includes(":owner"))) {
      const body = schema === undefined ? undefined : {};
      const answer = await send(world, fill(path, ["bob", "1", "1", "1"]), { method, body });
      expect([400, 404], name).toContain(answer.status);
      const without = await send(world, fill(path, ["ann", "1", "1", "1"]), { method, body, token: "" });
      expect([400, 401], name).toContain(without.status);
    }
  });
});
