/** The body of POST runs/{owner}: its schema, and what it asks for. */
import type { Static, TNumber, TString, TUnion } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import type { RetryRequest } from "@spell/domain";
import { invalidInput } from "@spell/domain";
import type { RunRequest } from "@spell/run-lifecycle";
import { mapOf, optional } from "./body-types.ts";

/** One schema with two types, not a union: its message then names both. */
export const TextOrNumber = Type.Unsafe({ type: ["string", "number"] }) as unknown as TUnion<[TString, TNumber]>;

const StopCondition = Type.Object({
  metric: Type.String(),
  operator: Type.Union([Type.Literal("<"), Type.Literal(">"), Type.Literal("<="), Type.Literal(">=")]),
  value: Type.Number(),
  min_indices: optional(Type.Integer()),
});

/** An addition of ours: no other client sends it. */
const Retry = Type.Object(
  {
    limit: Type.Integer(),
    exit_codes: optional(Type.Array(Type.Integer())),
    backoff_seconds: optional(Type.Number()),
    backoff_factor: optional(Type.Number()),
    max_backoff_seconds: optional(Type.Number()),
  },
  // A name that is spelt wrongly is a mistake that its writer hears of.
  { propertyNames: { enum: ["limit", "exit_codes", "backoff_seconds", "backoff_factor", "max_backoff_seconds"] } },
);

/** Unused fields arrive as null, [] or {}. */
export const RunBody = Type.Object({
  command: optional(Type.String()),
  gpu: optional(Type.String()),
  cwd: optional(Type.String()),
  root_directory: optional(Type.String()),
  workspace_id: optional(Type.Integer()),
  /** The user's own `origin`, for information. */
  workspace_remote_url: optional(Type.String()),
  git_commit_hash: optional(Type.String()),
  uncommitted_hash: optional(Type.String()),
  github_url: optional(Type.String()),
  github_ref: optional(Type.String()),
  description: optional(Type.String()),
  commit_label: optional(Type.String()),
  workflow_id: optional(Type.Integer()),
  labels: optional(Type.Array(Type.String())),
  environment_vars: optional(mapOf(Type.String())),
  attached_resources: optional(mapOf(Type.Object({ mount_point: optional(Type.String()) }))),
  params: optional(mapOf(TextOrNumber)),
  timeout_minutes: optional(Type.Integer()),
  project_id: optional(Type.Integer()),
  stop_conditions: optional(Type.Array(Type.Array(StopCondition))),
  retry: optional(Retry),
  auto_resume: optional(Type.Boolean()),
  distributed: optional(Type.Integer()),
  idempotent: optional(Type.Boolean()),
  framework: optional(TextOrNumber),
  framework_version: optional(TextOrNumber),
  run_type: optional(Type.String()),
});

/** What a client may ask for and this build cannot do: refused, never silently left out. */
const NOT_YET: Readonly<Record<string, string>> = {
  docker_image: "a docker image",
  pip_packages: "pip packages",
  pip_env_packages: "pip packages",
  apt_packages: "apt packages",
  requirements_file: "a requirements file",
  conda_file: "a conda file",
  tensorboard_directory: "TensorBoard",
  provider: "choosing a provider",
  node_group: "choosing a node group",
};

/** Throws invalid-input for what cannot be honoured. */
export function toRunRequest(body: Static<typeof RunBody>): RunRequest {
  for (const [field, what] of Object.entries(NOT_YET)) {
    if (isAsked((body as Record<string, unknown>)[field])) {
      throw invalidInput(`This version of Spell does not offer ${what} yet (${field}).`, "not-offered");
    }
  }
  // One machine is what every run has.
  if ((body.distributed ?? 1) !== 1)
    throw invalidInput(
      "This version of Spell does not offer runs on several machines yet (distributed).",
      "not-offered",
    );
  return {
    command: body.command ?? "",
    machineType: body.gpu ?? "",
    codeTree: "",
    // A client says so also when it sends no code.
    codeRoot: isAsked(body.workspace_id) ? (body.root_directory ?? "") : "",
    workspaceId: body.workspace_id ?? undefined,
    cwd: body.cwd ?? "",
    environment: body.environment_vars ?? {},
    mounts: Object.entries(body.attached_resources ?? {}).map(([resource, mount]) => ({
      resource,
      mountPoint: mount.mount_point ?? "",
    })),
    description: body.description ?? "",
    commitLabel: body.commit_label ?? "",
    workflowId: body.workflow_id ?? undefined,
    gitCommit: body.git_commit_hash ?? "",
    uncommittedCommit: body.uncommitted_hash || undefined,
    labels: body.labels ?? [],
    projectId: body.project_id ?? undefined,
    params: body.params ?? {},
    timeoutMinutes: body.timeout_minutes ?? undefined,
    stopConditions: (body.stop_conditions ?? []).map((all) =>
      all.map(({ metric, operator, value, min_indices }) => ({ metric, operator, value, minIndex: min_indices ?? 0 })),
    ),
    autoResume: body.auto_resume ?? false,
    retry: body.retry ? toRetryRequest(body.retry) : undefined,
    githubUrl: body.github_url ?? "",
    githubRef: body.github_ref ?? "",
    hints: hintsOf(body),
    idempotent: body.idempotent ?? false,
  };
}

function toRetryRequest(retry: Static<typeof Retry>): RetryRequest {
  const milliseconds = (seconds: number | null | undefined): number | undefined =>
    typeof seconds === "number" ? Math.round(seconds * 1_000) : undefined;
  return {
    limit: retry.limit,
    exitCodes: retry.exit_codes ?? undefined,
    firstPauseMs: milliseconds(retry.backoff_seconds),
    factor: retry.backoff_factor ?? undefined,
    maxPauseMs: milliseconds(retry.max_backoff_seconds),
  };
}

/** What only old clients send and nothing here heeds, in the user's words. */
function hintsOf({ framework, framework_version: version }: Static<typeof RunBody>): string[] {
  if (!isAsked(framework)) return isAsked(version) ? [`framework_version=${String(version)}`] : [];
  return [`framework=${String(framework)}${isAsked(version) ? ` ${String(version)}` : ""}`];
}

function isAsked(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
