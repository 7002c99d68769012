/** HTTP: users' public SSH keys. */
import { Type } from "@sinclair/typebox";
import type { PublicKeyRecord } from "@spell/run-store";
import type { FastifyInstance } from "fastify";
import type { Services } from "../services.ts";
import { callerOf } from "./owner.ts";
import { idOf } from "./schema.ts";
import type { TypedServer } from "./typed.ts";
import { wireTime } from "./wire.ts";

const KeyPath = Type.Object({ id: Type.String() });

export function addKeyRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { publicKeys } = services;

  server.post(
    "/keys",
    { schema: { body: Type.Object({ title: Type.String(), key: Type.String() }) } },
    async (request) => ({ key: wireKey(await publicKeys.add(await callerOf(services, request), request.body)) }),
  );

  server.get("/keys", async (request) => {
    const keys = await publicKeys.list(await callerOf(services, request));
    return { keys: keys.map(wireKey) };
  });

  server.get("/keys/:id", { schema: { params: KeyPath } }, async (request) => {
    const principal = await callerOf(services, request);
    return { key: wireKey(await publicKeys.get(principal, idOf("a key", request.params.id))) };
  });

  server.delete("/keys/:id", { schema: { params: KeyPath } }, async (request) => {
    const principal = await callerOf(services, request);
    await publicKeys.remove(principal, idOf("a key", request.params.id));
    return {};
  });
}

function wireKey(key: PublicKeyRecord): Record<string, unknown> {
  // `verified` was about an e-mail that was sent; here nothing waits for one.
  const { id, title, fingerprint, createdAtMs } = key;
  return { id, title, fingerprint, verified: true, created_at: wireTime(createdAtMs) };
}
