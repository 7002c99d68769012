/** Whether two requests ask for the same: `idempotent` answers the earlier run. Pure. */
import { createHash } from "node:crypto";
import type { RunSpec } from "@spell/run-store";

/**
 * A digest of everything that decides what a run does: command, machine type, code and inputs by their bytes, environment,
 * limits. Not of what is only for people (labels, description), nor of where code or inputs were found.
 */
export function requestHash(spec: RunSpec): string {
  const mounts = spec.mounts.map(({ path, isFile, digest, executable }) => [path, isFile, digest, executable]);
  const facts = [
    ...[spec.command, spec.machineType, spec.codeTree, spec.codeRoot, spec.cwd],
    Object.entries(spec.environment).sort(byName),
    mounts.sort(byName),
    ...[spec.timeoutMinutes ?? null, spec.stopConditions],
  ];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

function byName(left: readonly unknown[], right: readonly unknown[]): number {
  const [a, b] = [String(left[0]), String(right[0])];
  return a < b ? -1 : a > b ? 1 : 0;
}
