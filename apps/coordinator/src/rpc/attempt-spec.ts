/** What an agent is told to run, with the environment every run finds. */
import type { AttemptSpec } from "@spell/rpc";
import type { RunRecord } from "@spell/run-store";
import type { Services } from "../services.ts";

export function toAttemptSpec(services: Services, run: RunRecord): AttemptSpec {
  const { spec } = run;
  return {
    command: spec.command,
    machineType: spec.machineType,
    slots: run.slots,
    codeTree: spec.codeTree,
    codeRoot: spec.codeRoot,
    cwd: spec.cwd,
    environment: { ...spec.environment, ...spellVariables(services, run) },
    mounts: spec.mounts.map(({ resource, path, isFile, digest, sizeBytes, executable }) => ({
      resource,
      path,
      isFile,
      digest,
      sizeBytes,
      executable,
    })),
    master: run.runType === "workflow",
  };
}

/**
 * The variables by which programs inside a run find Spell again. Both names of the API's address are read by clients; those that know of
 * one coordinator only get the address of one.
 */
function spellVariables(services: Services, run: RunRecord): Record<string, string> {
  const { addresses, auth } = services;
  const variables: Record<string, string> = {
    SPELL_RUN: "1",
    SPELL_RUN_ID: String(run.id),
    SPELL_TOKEN: auth.runToken(run.id, run.attempt),
    SPELL_OWNER: run.owner,
    SPELL_BASE_URL: addresses.api,
    SPELL_API_URL: addresses.api,
    SPELL_COORDINATOR: addresses.coordinator,
  };
  if (addresses.all.length > 1) {
    variables["SPELL_COORDINATOR"] = addresses.all.map(({ coordinator }) => coordinator).join(",");
    variables["SPELL_BASE_URLS"] = addresses.all.map(({ api }) => api).join(",");
  }
  if (run.workflowId !== undefined) variables["SPELL_WORKFLOW_ID"] = String(run.workflowId);
  return variables;
}
