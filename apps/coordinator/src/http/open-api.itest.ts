import { afterAll, beforeAll, expect, it } from "vitest";
import { ask } from "../test-support/api.ts";
import { operationsIn } from "../test-support/operations.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";
import { ANSWERS } from "./answers.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

it("describes every route, with its answer, to whoever asks", async () => {
  const { status, body } = await ask(world, "openapi.json", { token: "" });
  expect(status).toBe(200);
  expect(body).toMatchObject({ openapi: "3.1.0", info: { title: "Spell" } });
  const operations = operationsIn(body);
  // An answer of headers alone has no schema, but a status of its own.
  const bare = operations.filter(({ name, answer }) => answer === undefined && ANSWERS[name]?.status === undefined);
  expect(bare.map(({ name }) => name)).toEqual([]);
  expect(operations.map(({ name }) => name).sort()).toEqual(Object.keys(ANSWERS).sort());
});

it("describes requests by the schemas that check them", async () => {
  const { body } = await ask(world, "openapi.json");
  const operation = operationsIn(body).find(({ name }) => name === "POST /v1/runs/:owner");
  expect(operation?.body).toMatchObject({
    properties: { environment_vars: { additionalProperties: { type: "string" } } },
  });
});
