/** Who is asking over HTTP, and that the owner in the path is theirs. */
import type { FastifyRequest } from "fastify";
import { SpellError, notFound } from "@spell/domain";
import type { Principal } from "@spell/run-lifecycle";
import { requireOwner } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";

type Owner = Exclude<Principal, { kind: "agent" }>;

/** The bearer token of the request. */
export function tokenOf(request: FastifyRequest): string | undefined {
  return /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

/** The caller behind the bearer token. Throws unauthenticated. */
export async function callerOf(services: Services, request: FastifyRequest): Promise<Owner> {
  const token = tokenOf(request);
  if (token === undefined) {
    throw new SpellError("unauthenticated", 'No token was sent: log in with "spell login".', { reason: "no-token" });
  }
  return requireOwner(await services.auth.authenticate(token));
}

/** The caller, who must be the owner named in the path: others' things do not exist for them. */
export async function ownerOf(services: Services, request: FastifyRequest): Promise<{ principal: Owner }> {
  const principal = await callerOf(services, request);
  const { owner } = request.params as { owner?: string };
  if (owner !== principal.userName) throw notFound(`There is no owner "${owner ?? ""}".`, "no-such-owner");
  return { principal };
}
