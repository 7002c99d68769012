/** A run of a search: what all of its runs have in common, with the parameters of this one. Pure; throws invalid-input. */
import { substituteParameters } from "@spell/domain";
import type { NewRun } from "@spell/run-store";
import { checkRequest } from "../check-request.ts";
import { requestHash } from "../request-hash.ts";
import type { Parameters } from "./draw.ts";

export function fillTemplate(template: NewRun, parameters: Parameters, createdAtMs: number): NewRun {
  const command = substituteParameters(template.spec.command, parameters);
  checkRequest({ ...template.spec, command });
  const spec = { ...template.spec, command, params: { ...template.spec.params, ...parameters } };
  const notices = template.notices.map((notice) => ({ ...notice, atMs: createdAtMs }));
  return { ...template, spec, createdAtMs, notices, requestHash: requestHash(spec) };
}
