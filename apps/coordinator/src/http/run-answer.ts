/** A run as every route answers it, and its id as every route takes it. */
import { invalidInput } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { wireRun } from "./wire.ts";
import { wireWorkspace } from "./wire-workspace.ts";

/** The run in the form of the wire. */
export async function withCreator(services: Services, run: RunRecord): Promise<Record<string, unknown>> {
  const user = await services.store.findUser(run.owner);
  const creator = user ?? { name: run.owner, email: "", createdAtMs: run.createdAtMs };
  const { workspaceId } = run.spec;
  const workspace = workspaceId === undefined ? undefined : await services.store.workspaces.find(workspaceId);
  if (workspace === undefined) return wireRun(run, creator);
  const remoteUrl = `${services.addresses.api}/git/${workspace.id}.git`;
  return { ...wireRun(run, creator), workspace: wireWorkspace({ workspace, creator, remoteUrl }) };
}

/** The number in a path. Throws invalid-input. */
export function runId(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw invalidInput(`"${text}" is not a run id.`, "bad-run-id");
  return Number(text);
}
